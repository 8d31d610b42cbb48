"""A row of each kind, so that every page of the console has something to show; with words too long."""

from decimal import Decimal

from django.contrib.auth.models import Group, User
from django.utils import timezone

from governance import budgets
from governance.access import approvals, permissions
from governance.models import ModelPrice, Task, ToolExecution, Worker, WorkerProcess
from governance.tasks import services as tasks
from juggernaut.models import ApiToken
from monitoring.models import Alert, AlertRule
from reliability import redrives
from reliability.breakers.models import CircuitBreaker
from reliability.dead_letters import filters
from reliability.models import WatchdogSweep
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance import recurring
from tests.governance.console import SEED, complete, submit
from tests.reliability.letters import dead

LONG = "x" * 300


def make() -> None:
    """All of it; the database was empty."""
    enlist()
    _work()
    _failures()
    _money()
    _rules()
    _people()


def _work() -> None:
    complete(submit("Report on the queue"))
    parent = submit("Parent of two")
    for title in ("First child", LONG[:200]):
        submit(title, parent=str(parent), depends_on=[str(parent)])
    tasks.terminate([submit(LONG[:200])], actor=SEED, reason=LONG)
    recurring.make(name="nightly report")
    call = {"worker_id": "ANALYST", "tool_name": "model.chat", "model": LONG[:150], "arguments": {"of": LONG}}
    ended = {"status": "failed", "error_message": LONG, "ended_at": timezone.now()}
    ToolExecution.objects.create(task_id=parent, **call, **ended)
    WorkerProcess.objects.create(worker_ids=["EXECUTOR", "ANALYST"], host="machine-1", pid=4711)
    WatchdogSweep.objects.create(leader="machine-1:4711", duration_ms=12, counts={"expired leases": 1})
    Worker.objects.filter(pk="EXECUTOR").update(last_heartbeat=timezone.now())


def _failures() -> None:
    letters = [dead(f"connection reset by peer at item {number}") for number in range(3)]
    dead(LONG)
    wanted = filters.parse({"signature": [str(letters[0].signature_id)]})
    redrives.start(wanted, actor=SEED, reason=LONG)
    openrouter = {"state": "open", "opened_at": timezone.now()}
    CircuitBreaker.objects.update_or_create(name="openrouter", defaults=openrouter)
    CircuitBreaker.objects.create(name=f"http:{LONG[:180]}")


def _money() -> None:
    task = Task.objects.latest("pk")
    books.spend("1.25", task_id=task.pk, service="openrouter", model=LONG[:150])
    books.reserve("0.5", model=LONG[:150])
    ModelPrice.objects.create(
        service="openrouter", model=LONG[:150], input_usd_per_mtok=1, output_usd_per_mtok=2, set_by="tests"
    )
    budgets.set_limits(
        "ANALYST", limits={"daily_limit": Decimal("1.5")}, actor=SEED, reason="it spends too much"
    )


def _rules() -> None:
    permissions.grant("ANALYST", "mail.send", actor=SEED, requires_approval=True)
    approvals.require("ANALYST", "mail.send", {"text": LONG})


def _people() -> None:
    owner = User.objects.create_user("a-client")
    facts = {"note": LONG[:200], "hint": "jgt_abcd", "digest": "0" * 64, "scopes": ["tasks:read"]}
    ApiToken.objects.create(owner=owner, **facts)
    rule, _ = AlertRule.objects.get_or_create(name="breaker_open", defaults={"says": "A breaker is open"})
    Alert.objects.create(rule=rule, subject="openrouter", severity="critical", said=LONG)
    Group.objects.get_or_create(name="night shift")
