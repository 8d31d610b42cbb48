"""What the runbook's sections describe, brought about on a running system.

`begin` brings it about and waits until the system shows it; `recover` ends what was wrong outside of the
system, as a network that is back; `end` clears away what an operator may have left. `ids` are what the
runbook's placeholders stand for in a command.
"""

import contextlib
import json
import signal

import psutil

from tests.polling import until
from tests.runbook.site import MEMORY_LIMIT_MEBIBYTES, Site

LETTERS = 12
# Held by a process that nobody has heard of for 31 minutes, under a lease that no watchdog ends meanwhile.
_SILENT = (
    "INSERT INTO governance_tasks (title, task_type, status, attempts, lease_token, lease_owner, "
    "lease_expires_at, started_at, updated_at) VALUES ('silent', 'wait', 'in_progress', 1, 1, "
    "gen_random_uuid(), now() + interval '1 hour', now() - interval '40 minutes', "
    "now() - interval '31 minutes') RETURNING id"
)
_WAIT = (
    "INSERT INTO governance_tasks (title, task_type, payload, timeout_seconds) "
    "VALUES ('endless', 'wait', '{\"seconds\": 3000}', 3600) RETURNING id"
)
_CANCEL = (
    "UPDATE governance_tasks SET status = 'cancelled' "
    "WHERE status IN ('pending', 'in_progress', 'parked', 'waiting_approval')"
)


class Incident:
    """Nothing is wrong."""

    began_at = ""

    def __init__(self, site: Site) -> None:
        self.site = site

    def begin(self) -> None:
        """All is well as it is."""

    def recover(self) -> None:
        """Nothing outside was wrong."""

    def end(self) -> None:
        """All is well again; raises if it is not."""
        self.site.sql(_CANCEL)
        self.site.await_health("ok")

    def ids(self, command: str) -> dict[str, str]:
        return {}

    def submit(self, task_type: str, **payload: object) -> None:
        said = json.dumps({"place": str(self.site.place), **payload})
        self.site.sql(f"INSERT INTO governance_tasks (task_type, payload) VALUES ('{task_type}', '{said}')")


class DatabaseGone(Incident):
    """PostgreSQL does not answer."""

    def begin(self) -> None:
        self.site.postgres.stop()
        self.site.await_health("down", of="database")

    def recover(self) -> None:
        if self.site.postgres.pid is None:
            self.site.postgres.start()
            self.site.await_health("ok")

    def end(self) -> None:
        self.recover()
        super().end()


class RateLimited(Incident):
    """The provider answers 429; and a worker has gone silent."""

    def begin(self) -> None:
        self.site.provider.reset()
        self.began_at = self.site.sql("SELECT clock_timestamp()")
        limited = {"status": 429, "message": "Rate limit exceeded", "retry_after": 600}
        self.site.provider.tell(faults=[limited]).raise_for_status()
        self.site.ask_model("asked too often")
        self.site.await_tasks(1, "title = 'asked too often' AND status = 'parked'")
        self.site.ask_model("refused by the breaker")
        self.site.await_tasks(1, "title = 'refused by the breaker' AND status = 'parked'")
        self.silent = self.site.sql(_SILENT)

    def recover(self) -> None:
        self.site.provider.reset()

    def end(self) -> None:
        self.recover()
        self.site.terminal.type("python manage.py reset_breaker --all")
        restored = "UPDATE worker_budgets SET daily_limit = 10 WHERE worker_id IN ('EXECUTOR', 'ANALYST')"
        self.site.sql(restored)
        self.site.sql("UPDATE dead_letter_queue SET status = 'resolved' WHERE status <> 'resolved'")
        super().end()

    def ids(self, command: str) -> dict[str, str]:
        return {"task-id": self.silent}


class LettersPileUp(Incident):
    """The network is gone, and one task has a wrong key."""

    def begin(self) -> None:
        (self.site.place / "no-network").touch()
        for _ in range(LETTERS):
            self.submit("needs_network")
        self.submit("needs_key")
        self.site.await_tasks(LETTERS + 1, "dead_letter_id IS NOT NULL AND status = 'failed'")

    def recover(self) -> None:
        (self.site.place / "no-network").unlink(missing_ok=True)

    def end(self) -> None:
        self.recover()
        self.site.sql("UPDATE dead_letter_queue SET status = 'resolved' WHERE status <> 'resolved'")
        super().end()

    def ids(self, command: str) -> dict[str, str]:
        kind = "needs_key" if "resolve" in command else "needs_network"
        newest = f"task_type = '{kind}' ORDER BY id DESC LIMIT 1"
        return {"dlq-id": self.site.sql(f"SELECT id FROM dead_letter_queue WHERE {newest}")}


class MemoryLeaks(Incident):
    """A worker process has grown to nine tenths of its limit, and tasks run without an end."""

    def begin(self) -> None:
        (self.site.place / "release").unlink(missing_ok=True)
        self.submit("hoard", mebibytes=MEMORY_LIMIT_MEBIBYTES * 9 // 10)
        self.endless = self.site.sql(_WAIT)
        self.silent = self.site.sql(_SILENT)
        nearly = MEMORY_LIMIT_MEBIBYTES * 1024 * 1024 * 8 // 10
        large = f"SELECT count(*) FROM worker_processes WHERE rss_bytes > {nearly}"
        until(lambda: self.site.sql(large) == "1", timeout=60, what="a large process")
        self.site.await_tasks(1, f"id = '{self.endless}' AND status = 'in_progress'")

    def recover(self) -> None:
        (self.site.place / "release").touch()

    def end(self) -> None:
        self.recover()
        super().end()

    def ids(self, command: str) -> dict[str, str]:
        return {"task-id": self.endless}


class WatchdogDead(Incident):
    """The watchdog was killed, and its supervisor is frozen, so that nobody starts it again."""

    def begin(self) -> None:
        self.supervisor = psutil.Process(self.site.machine.pid)
        watchdog = self.site.machine.find("watchdog_main.py")
        family = [*watchdog.children(recursive=True), watchdog]
        self.supervisor.suspend()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        silent = (
            "SELECT now() - last_heartbeat > interval '16 s' FROM worker_registry"
            " WHERE worker_id = 'WATCHDOG'"
        )
        until(lambda: self.site.sql(silent) == "True", timeout=60, what="a silent watchdog")

    def end(self) -> None:
        self.supervisor.send_signal(signal.SIGCONT)
        self.site.machine.find("watchdog_main.py")
        super().end()


class BreakersOpen(Incident):
    """The provider fails, so often that its breaker has opened."""

    def begin(self) -> None:
        self.site.provider.tell(faults=[{"status": 500, "message": "it is ill"}]).raise_for_status()
        for number in range(5):
            self.site.ask_model(f"asks the ill provider {number}")
        is_open = "SELECT state FROM circuit_breakers WHERE name = 'openrouter'"
        until(lambda: self.site.sql(is_open) == "open", timeout=60, what="an open breaker")

    def recover(self) -> None:
        self.site.provider.reset()

    def end(self) -> None:
        self.recover()
        self.site.terminal.type("python manage.py reset_breaker --all")
        self.site.terminal.type(
            "python manage.py set_breaker openrouter --failure-threshold 5 --reset-timeout 30"
        )
        self.site.sql("UPDATE dead_letter_queue SET status = 'resolved' WHERE status <> 'resolved'")
        super().end()


class RedisGone(Incident):
    """Redis does not answer."""

    def begin(self) -> None:
        self.site.redis.stop()
        self.site.await_health("degraded", of="redis")

    def recover(self) -> None:
        if self.site.redis.pid is None:
            self.site.redis.start()

    def end(self) -> None:
        self.recover()
        self.site.await_health("ok", of="redis")
        super().end()


class LawSaysNo(Incident):
    """A budget is used up, a worker is paused, and the watchdog may not do one of its duties."""

    def begin(self) -> None:
        self.site.sql("UPDATE worker_budgets SET daily_limit = 0 WHERE worker_id = 'STRATEGIST'")
        self.site.sql("UPDATE worker_registry SET status = 'paused' WHERE worker_id = 'ANALYST'")
        self.site.sql("DELETE FROM worker_tool_permissions WHERE tool_name = 'watchdog.expired'")
        self.site.ask_model("too dear", worker="STRATEGIST")
        self.site.ask_model("its worker is paused", worker="ANALYST")
        self.site.await_tasks(1, "title = 'too dear' AND status = 'parked'")
        until(lambda: self.site.health()["watchdog"].get("stopped_duties"), timeout=60, what="a stopped duty")

    def ids(self, command: str) -> dict[str, str]:
        return {"task-id": self.site.sql("SELECT id FROM governance_tasks WHERE title = 'too dear' LIMIT 1")}

    def end(self) -> None:
        for line in (
            "python manage.py set_budget STRATEGIST --daily 10",
            "python manage.py resume ANALYST",
            "python manage.py grant WATCHDOG watchdog.expired",
        ):
            self.site.terminal.type(line)
        super().end()
