"""The incidents of the runbook, each as the system's own code or an operator's SQL brings it about."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from governance.models import Task, ToolExecution, ToolPermission, Worker, WorkerProcess
from reliability import breakers
from reliability.breakers.models import CircuitBreaker
from tests.governance import budgets, lives, parking
from tests.governance.budgets import sql
from tests.reliability import letters


@dataclass(frozen=True)
class Incident:
    """What happens, and which finding of which section tells it (a part of its sentence)."""

    name: str
    section: str
    said: str
    happens: Callable[[], object] = field(compare=False)


def breaker() -> str:
    """The only one there is. Its name is new in each test: Redis, which all tests share, remembers them."""
    return CircuitBreaker.objects.get().name


def _open_breaker() -> None:
    for _ in range(5):
        breakers.record(breakers.acquire(breaker()), breakers.FAILURE)


def _refused_credentials() -> None:
    breakers.record(breakers.acquire(breaker()), breakers.auth("Error code: 401"))


def _forced_open() -> None:
    sql("UPDATE circuit_breakers SET mode = 'forced_open', mode_reason = 'test'")


def _rate_limited() -> None:
    ToolExecution.objects.create(
        worker_id="ANALYST", tool_name="llm.chat", status="failed", error_message="rate limit exceeded: 429",
        rule="answer", ended_at=timezone.now(),
    )  # fmt: skip
    parking.parked("breaker", breaker())


def _silent_task() -> None:
    task = lives.held()
    Task.objects.filter(pk=task.id).update(updated_at=lives.ago(1900))


def _long_task() -> None:
    task = lives.held()
    Task.objects.filter(pk=task.id).update(started_at=lives.ago(2400))


def _pile() -> None:
    letters.dead_many(12, "connection reset by peer 7")


def _used_up() -> None:
    budgets.allow(daily_limit="1")
    budgets.spend("1")


def pause_worker() -> None:
    sql("UPDATE worker_registry SET status = 'paused' WHERE worker_id = 'ANALYST'")
    lives.make(assigned_worker="ANALYST")


def pause_fleet() -> None:
    sql("UPDATE fleet SET status = 'paused', reason = 'test'")


def _revoked_duty() -> None:
    ToolPermission.objects.filter(worker_id="WATCHDOG", tool_name="watchdog.rescued").delete()


def _revoked_tool() -> None:
    ToolPermission.objects.filter(worker_id="ANALYST").delete()
    ToolExecution.objects.create(
        worker_id="ANALYST", tool_name="http.request", status="refused", ended_at=timezone.now(),
        rule="permission: ANALYST has none for http.request", error_message="permission: none",
    )  # fmt: skip


def _drift() -> None:
    _used_up()
    sql("UPDATE budget_windows SET spent = spent - 0.000000001 WHERE scope = 'ANALYST' AND kind = 'day'")


def _dead_watchdog() -> None:
    Worker.objects.filter(pk="WATCHDOG").update(last_heartbeat=timezone.now() - timedelta(seconds=20))


def _leak() -> None:
    WorkerProcess.objects.create(
        process_id=uuid4(), worker_ids=["EXECUTOR"], host="here", pid=4711, machine="m",
        rss_bytes=600 * 2**20, rss_at_start_bytes=90 * 2**20,
    )  # fmt: skip


# Those whose remedy is a verb: three interfaces lead to it.
WITH_VERBS = (
    Incident("an open breaker", "breakers", " is open, next probe", _open_breaker),
    Incident("refused credentials", "breakers", "open until an operator acts", _refused_credentials),
    Incident("a breaker forced open", "breakers", " is forced open", _forced_open),
    Incident("a silent task", "rate-limits", "no sign of life for 30 minutes", _silent_task),
    Incident("a long-running task", "performance", "have run for more than 30 minutes", _long_task),
    Incident("letters piling up", "dlq", "12 time(s) connection reset by peer", _pile),
    Incident("a budget used up", "budgets", "the budget of ANALYST is used up", _used_up),
    Incident("a paused worker", "workers", "ANALYST is paused and due tasks wait", pause_worker),
    Incident("a paused fleet", "workers", "the fleet is paused", pause_fleet),
    Incident("a revoked duty", "watchdog", "watchdog.rescued is stopped", _revoked_duty),
    Incident("a revoked tool", "budgets", "ANALYST may not call http.request", _revoked_tool),
)
# Those that somebody must look at, or mend at the machine.
WITHOUT_VERBS = (
    Incident("rate limits", "rate-limits", "rate limit exceeded 1 time(s)", _rate_limited),
    Incident("a dead watchdog", "watchdog", "silent for 20 s", _dead_watchdog),
    Incident("a leaking worker", "performance", "near or above the limit of 512 MiB", _leak),
    Incident("books that do not balance", "budgets", "the books do not balance in 1 place", _drift),
)
