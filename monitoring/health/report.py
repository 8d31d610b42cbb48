"""Can the system do its job? One entry for each dependency and duty, within a second, whatever hangs.

| | degraded: it works, and says what does not | down: it cannot work |
|---|---|---|
| database | a statement or a task waits for somebody's lock | unreachable, silent, or it cannot be written |
| redis | unreachable, silent, or it cannot be written (full, or a replica) | |
| workers | the fleet or a worker is paused, or one has no process | no process of any worker is alive |
| watchdog | no heartbeat for 15 s, or a duty without permission | |
| queue | the first task in line has been due for a minute | |
| breakers | one is not closed, or an operator has taken it in hand | |
| budgets | one is used up, or the books do not balance | |

The whole is `down` (503) when anything is, else `degraded` (200) when anything is, else `ok` (200).
"""

import logging
import re
import time
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

import psycopg2
import redis
from django.conf import settings

from governance.db import errors as db_errors
from monitoring.health import gates, locks
from monitoring.health.probe import DidNotAnswerError, Probe, Row, redis_client
from monitoring.health.single_flight import SingleFlight
from reliability.dependency_log import Outage
from reliability.watchdog import heartbeat, sweep

logger = logging.getLogger(__name__)

OK, DEGRADED, DOWN = "ok", "degraded", "down"
ANSWER_SECONDS = 0.8
PROBE_SECONDS = 0.7
REDIS_SECONDS = 0.3
# Written at each look: PING and GET work on a Redis that takes no writes.
WRITTEN_KEY = "health:written_at"
WRITTEN_SECONDS = 60
# Processes say that they live every 2 s, the watchdog every 5 s.
PROCESS_SILENT_SECONDS = 10
WATCHDOG_SILENT_SECONDS = 15
QUEUE_SLOW_SECONDS = 60
# Counting a million rows takes longer than an answer may; nobody needs the exact number here.
COUNTED_UP_TO = 10_000
NO_REDIS = "no Redis runs here: breakers and rate limits count in each process alone; install redis-server"

Entry = dict[str, Any]
Report = dict[str, Any]

# The smallest piece of the real work: one row, written at most once a second. A server that takes no writes
# refuses it also when there is nothing to write.
_WRITE = """
INSERT INTO health_probes AS p (name, written_at) VALUES ('health', clock_timestamp())
ON CONFLICT (name) DO UPDATE SET written_at = excluded.written_at
WHERE p.written_at < excluded.written_at - interval '1 second'
RETURNING written_at"""

_FACTS = """
SELECT current_setting('max_connections')::int AS connections_allowed,
  (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections_used,
  (SELECT status FROM fleet) AS fleet,
  (SELECT extract(epoch FROM now() - last_heartbeat)::float8
   FROM worker_registry WHERE worker_id = 'WATCHDOG') AS watchdog_silent_seconds"""

_STOPPED_DUTIES = """
SELECT duty FROM unnest(%(duties)s) AS duty
WHERE NOT EXISTS (SELECT FROM tool_permission('WATCHDOG', duty, now())
                  WHERE effect = 'allow' AND NOT requires_approval)
ORDER BY duty"""

_WORKERS = """
SELECT w.worker_id, w.status, count(p.process_id) AS processes,
  count(p.process_id) FILTER (WHERE p.state = 'running') AS running,
  coalesce(sum(p.in_flight), 0)::int AS in_flight
FROM worker_registry w
LEFT JOIN worker_processes p
  ON w.worker_id = ANY(p.worker_ids) AND p.last_seen > now() - %(silent)s * interval '1 second'
WHERE w.worker_id <> 'WATCHDOG'
GROUP BY w.worker_id ORDER BY w.worker_id"""

# Each count ends at its limit, and each reads one partial index.
_QUEUE = """
SELECT
  (SELECT count(*) FROM (SELECT FROM governance_tasks WHERE status = 'pending' LIMIT %(limit)s) t) AS pending,
  (SELECT count(*) FROM (SELECT FROM governance_tasks WHERE status = 'in_progress' LIMIT %(limit)s) t)
    AS in_progress,
  (SELECT count(*) FROM (SELECT FROM governance_tasks WHERE status = 'parked' LIMIT %(limit)s) t) AS parked,
  (SELECT max(extract(epoch FROM now() - first.run_after))::float8
   FROM worker_registry w CROSS JOIN LATERAL (
     SELECT run_after FROM governance_tasks
     WHERE status = 'pending' AND assigned_worker = w.worker_id
       AND rank <= (now() AT TIME ZONE 'UTC') AND run_after <= now()
     ORDER BY rank LIMIT 1) first
   WHERE w.status = 'active' AND (SELECT status FROM fleet) = 'active') AS first_due_seconds"""


def report() -> Report:
    """The state of everything, at most half a second old, within `ANSWER_SECONDS`."""
    deadline = time.monotonic() + ANSWER_SECONDS
    asked_database, asked_redis = _database.ask(), _redis.ask()
    entries = _answer(asked_database, deadline, _nothing_known)
    at_redis = _answer(asked_redis, deadline, _redis_down)
    entries["redis"] = at_redis["redis"]
    _tell_heartbeat(entries["watchdog"], at_redis)
    return {"status": _worst(entries), "checked_at": datetime.now(UTC).isoformat()} | entries


# ---------------------------------------------------------------------------------------- the looks


def stopped_duties(probe: Probe) -> list[str]:
    """The duties that WATCHDOG's own rows do not allow it now, by the names that stand there."""
    duties = [sweep.tool_name(duty) for duty in sweep.DUTIES]
    return [row["duty"] for row in probe.rows(_STOPPED_DUTIES, {"duties": duties})]


def _look_at_database() -> dict[str, Entry]:
    try:
        with Probe(seconds=PROBE_SECONDS) as probe:
            facts = probe.row(_FACTS)
            stopped = stopped_duties(probe)
            workers = probe.rows(_WORKERS, {"silent": PROCESS_SILENT_SECONDS})
            queue = probe.row(_QUEUE, {"limit": COUNTED_UP_TO + 1})
            breakers = probe.rows(gates.BREAKERS)
            budgets = probe.rows(gates.BUDGETS)
            locked = locks.waiting(probe)
            unbalanced = probe.row(gates.BOOKS)["places"]
            refused = write(probe)
    except (psycopg2.Error, DidNotAnswerError) as error:
        _database_outage.seen(db_errors.describe(error))
        return _nothing_known(error)
    if refused is None:
        _database_outage.over()
    else:
        _database_outage.seen(db_errors.describe(refused))
    return {
        "database": locks.entry(_database_entry(facts), locked) if refused is None else _unwritable(refused),
        "workers": _workers_entry(workers, fleet=facts["fleet"]),
        "watchdog": _watchdog_entry(facts["watchdog_silent_seconds"], stopped),
        "queue": _queue_entry(queue),
        "breakers": gates.breakers_entry(breakers),
        "budgets": gates.budgets_entry(budgets, unbalanced=unbalanced),
    }


def write(probe: Probe) -> psycopg2.Error | None:
    """Write one row. Returns what refused it while reading works; raises what a broken connection does."""
    try:
        probe.rows(_WRITE)
    except psycopg2.Error as error:
        if db_errors.is_connection_failure(error):
            raise
        return error
    return None


def _look_at_redis() -> dict[str, Entry]:
    client = redis_client(seconds=REDIS_SECONDS)
    began = time.monotonic()
    try:
        beat = client.get(heartbeat.KEY)
        client.set(WRITTEN_KEY, datetime.now(UTC).isoformat(), ex=WRITTEN_SECONDS)
    except redis.RedisError as error:
        entries = _redis_down(error)
        _redis_outage.seen(f"{_redis_headline(error)}: {' '.join(str(error).split())}")
        return entries
    finally:
        client.close()
    _redis_outage.over()
    took = round((time.monotonic() - began) * 1000, 1)
    return {
        "redis": {"status": OK, "detail": f"answered in {took} ms", "milliseconds": took},
        "heartbeat": {"at": beat},
    }


_database_outage = Outage("database connection", logger)
_redis_outage = Outage("redis connection", logger)
_database = SingleFlight(_look_at_database)
_redis = SingleFlight(_look_at_redis)


def _answer(asked: Future[dict[str, Entry]], deadline: float, failed: Any) -> dict[str, Entry]:
    """A copy of what was found by the deadline, or what `failed` makes of finding nothing."""
    try:
        found = asked.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        found = failed(DidNotAnswerError(ANSWER_SECONDS))
    return {name: dict(entry) for name, entry in found.items()}


# -------------------------------------------------------------------------------------- the entries


def _database_entry(facts: Row) -> Entry:
    used, allowed = facts["connections_used"], facts["connections_allowed"]
    return {
        "status": OK,
        "detail": f"{used} of {allowed} connections in use",
        "connections_used": used,
        "connections_allowed": allowed,
    }


def _unwritable(refused: psycopg2.Error) -> Entry:
    return {"status": DOWN, "detail": describe(refused)}


def _nothing_known(error: Exception) -> dict[str, Entry]:
    """The database's own entry, and those of what can only be asked of it."""
    unknown = {"status": DOWN, "detail": "not known: the database does not answer"}
    return {
        "database": {"status": DOWN, "detail": describe(error)},
        "workers": dict(unknown),
        "watchdog": dict(unknown),
        "queue": dict(unknown),
        "breakers": dict(unknown),
        "budgets": dict(unknown),
    }


def describe(error: Exception) -> str:
    """What is wrong with the database, in words that anybody may read."""
    if db_errors.is_unavailable(error) or isinstance(error, DidNotAnswerError):
        return f"{db_errors.headline(error)}: {_reason(error)}"
    return f"the database cannot be used: {_reason(error)} (manage.py migrate?)"


def _reason(error: Exception) -> str:
    """What happened, without the addresses and names that the log has: anybody may ask for health."""
    first_line = str(error).strip().split("\n")[0]
    reason = re.split(r"failed: |connecting to \S+ ", first_line)[-1]
    return re.sub(r'"[^"]*"', "…", reason)


def _redis_down(error: Exception) -> dict[str, Entry]:
    if not settings.HAS_REDIS:
        return {"redis": {"status": DEGRADED, "detail": NO_REDIS}}
    return {"redis": {"status": DEGRADED, "detail": f"{_redis_headline(error)}: {_reason(error)}"}}


def _redis_headline(error: Exception) -> str:
    """What is wrong with Redis: a server that answers and takes no writes is not one that is away."""
    if isinstance(error, redis.ReadOnlyError):
        return "redis is read-only"
    if isinstance(error, redis.OutOfMemoryError):
        return "redis is out of memory"
    if isinstance(error, redis.ResponseError):
        return "redis cannot be written"
    return "redis connection failed"


def _workers_entry(workers: list[Row], *, fleet: str | None) -> Entry:
    alive = sum(worker["processes"] for worker in workers)
    idle = [w["worker_id"] for w in workers if w["status"] == "active" and not w["running"]]
    paused = [w["worker_id"] for w in workers if w["status"] == "paused"]
    details = (
        [f"no process takes tasks of {', '.join(idle)}"] if idle else ["every active worker has a process"]
    )
    details += [f"paused: {', '.join(paused)}"] if paused else []
    if fleet != "active":
        details.insert(0, "the fleet is paused: manage.py resume --fleet")
    is_degraded = idle or paused or fleet != "active"
    return {
        "status": DOWN if not alive else DEGRADED if is_degraded else OK,
        "detail": "; ".join(details)
        if alive
        else "no worker process is alive: start one with manage.py run_workers",
        "fleet": fleet or "missing",
        "by_worker": {
            w["worker_id"]: {name: w[name] for name in ("status", "processes", "in_flight")} for w in workers
        },
    }


def _watchdog_entry(silent_seconds: float | None, stopped: list[str]) -> Entry:
    if silent_seconds is None:
        return {"status": DEGRADED, "detail": "never seen: start it with python watchdog_main.py"}
    silent = round(max(0.0, silent_seconds), 1)
    if silent > WATCHDOG_SILENT_SECONDS:
        detail = f"silent for {silent:.0f} s: start it with python watchdog_main.py"
        return {"status": DEGRADED, "detail": detail, "silent_seconds": silent}
    if stopped:
        detail = f"stopped, because WATCHDOG is not permitted: {', '.join(stopped)}"
        return {
            "status": DEGRADED,
            "detail": detail,
            "silent_seconds": silent,
            "stopped_duties": stopped,
        }
    return {"status": OK, "detail": f"heartbeat {silent:g} s ago", "silent_seconds": silent}


def _tell_heartbeat(watchdog: Entry, at_redis: dict[str, Entry]) -> None:
    """Redis has the watchdog's heartbeat too: all that is left of it while the database is away."""
    beat = at_redis.get("heartbeat", {}).get("at")
    watchdog["redis_heartbeat"] = beat
    if watchdog["status"] == DOWN and beat:
        watchdog |= {
            "status": DEGRADED,
            "detail": "alive by its heartbeat in Redis; the database does not answer",
        }


def _queue_entry(queue: Row) -> Entry:
    first_due = round(queue["first_due_seconds"] or 0.0, 1)
    counts = {name: min(queue[name], COUNTED_UP_TO) for name in ("pending", "in_progress", "parked")}
    said = ", ".join(f"{_said(queue[name])} {name.replace('_', ' ')}" for name in counts)
    is_slow = first_due > QUEUE_SLOW_SECONDS
    return {
        "status": DEGRADED if is_slow else OK,
        "detail": f"{said}; the first in line has been due for {first_due:.0f} s" if is_slow else said,
        "first_due_seconds": first_due,
        **counts,
    }


def _said(count: int) -> str:
    return f"more than {COUNTED_UP_TO:,}" if count > COUNTED_UP_TO else f"{count:,}"


# ---------------------------------------------------------------------------------------- the whole

_RANK = {OK: 0, DEGRADED: 1, DOWN: 2}


def _worst(entries: dict[str, Entry]) -> str:
    return max((str(entry["status"]) for entry in entries.values()), key=_RANK.__getitem__)
