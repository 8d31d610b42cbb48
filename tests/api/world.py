"""One of everything that the API tells of, so that every list has a row and every address leads somewhere."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.utils import timezone

from governance.access import approvals, permissions, rate_limits, tool_executions
from governance.access.tool_executions import Call
from governance.costs import operator_prices
from governance.models import DeadLetter, LateResult, RecurringTask, Worker, WorkerProcess
from governance.schedules import dispatch
from juggernaut.api_tokens import services as api_tokens
from monitoring.models import Alert
from reliability import redrives
from reliability.breakers import services as breakers
from reliability.breakers import settings as breaker_settings
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance import recurring, samples
from tests.governance.samples import SYSTEM
from tests.reliability import letters


@dataclass(frozen=True)
class World:
    """Ids and names by what they are called in addresses; the first of each is one that verbs can act on."""

    places: dict[str, list[str]]

    def first(self, name: str) -> str:
        return self.places[name][0]


def build() -> World:
    enlist()
    completed = samples.in_state("completed")
    task = samples.submit(max_cost_usd="1.5", idempotency_key="k")
    # Not the first: everything that waits for something, or has ended.
    others = [samples.in_state(status) for status in ("parked", "failed", "cancelled")]
    LateResult.objects.create(
        task_id=completed, lease_token=1, attempt=1, process_id=uuid4(), outcome="completed",
        result={"n": 1e300}, found_status="cancelled",
    )  # fmt: skip
    WorkerProcess.objects.create(worker_ids=["ANALYST"], host="here", pid=1)
    waiting = letters.dead_many(3, "connection reset by peer")
    operator_prices.set_price(
        "local", "lab/m", actor=SYSTEM, input_usd_per_mtok="0.1", output_usd_per_mtok="0.2"
    )
    rate_limits.set_limit("http.request", max_calls=60, actor=SYSTEM)
    hold = books.spend("0.25", task_id=task)
    for name in ("openrouter", "openrouter:lab/m"):
        breaker_settings.ensure(name)
        breakers.force_open(name, actor=SYSTEM, reason="they said so")
    breakers.reset_all(actor=SYSTEM)
    permissions.grant("ANALYST", "http.*", actor=SYSTEM, max_calls_per_day=9)
    return World(
        {
            "task_id": _texts(completed, task, *others),
            "letter_id": _texts(*waiting),
            "group_id": _texts(DeadLetter.objects.get(pk=waiting[0]).signature_id),
            "redrive_id": _texts(redrives.start(waiting[2:], actor=SYSTEM, reason="it is back").pk),
            "approval_id": _texts(*(_approval(task, number) for number in range(3))),
            "execution_id": _texts(_execution(task)),
            "recurring_id": _texts(_recurring().pk),
            "hold_id": _texts(hold.pk),
            "worker_id": list(Worker.objects.values_list("pk", flat=True)),
            "scope": ["ANALYST", "FLEET", f"task:{task}"],
            "limit": ["http.request"],
            "breaker": ["openrouter:lab/m", "openrouter"],
            "token_id": _texts(api_tokens.create("nightly", actor=SYSTEM).row.pk),
            "alert_id": _texts(_alert()),
            "alert_rule": ["oldest_pending"],
            "retention_rule": ["completed tasks"],
        }
    )


def _texts(*ids: UUID) -> list[str]:
    return [str(each) for each in ids]


def _alert() -> UUID:
    """Open, and muted: it can be acknowledged, muted anew and unmuted."""
    until = timezone.now() + timedelta(days=1)
    return Alert.objects.create(rule_id="oldest_pending", subject="here", muted_until=until).pk


def _approval(task: UUID, number: int) -> UUID:
    asked = approvals.require("EXECUTOR", "notify.send", {"to": f"ann {number}"}, task_id=task)
    assert asked.approval_id
    return asked.approval_id


def _execution(task: UUID) -> UUID:
    call = Call("ANALYST", "http.request", {"url": "u"}, task_id=task, service="example.org")
    execution = tool_executions.begin(call, rule="allowed", within=timedelta(minutes=1))
    tool_executions.end(execution, error_message="HTTP 500")
    return execution


def _recurring() -> RecurringTask:
    row = recurring.make()
    dispatch.dispatch(row.pk, now=recurring.due_since(row, 0.5))
    RecurringTask.objects.filter(pk=row.pk).update(anchor_at=timezone.now())
    row.refresh_from_db()
    return row
