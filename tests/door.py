"""What tests of calls share: a running task, its context, a call of it, and the rows that it leaves."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

from governance.access import permissions
from governance.costs.pricing import Price
from governance.models import BudgetHold, ToolExecution
from governance.tasks import transitions
from reliability import calls
from reliability.breakers.models import CircuitBreaker
from reliability.calls import CallRequest, CallResult, FixedCost
from reliability.engine.context import TaskContext
from tests.governance import samples

WORKER = "ANALYST"
TOOL = "test.tool"
CENT = FixedCost(Decimal("0.01"))


def running_task(**facts: Any) -> TaskContext:
    """A task in progress, with a context as the engine makes it."""
    task_id, _, token = samples.running()
    return TaskContext(task_id=task_id, worker_id=WORKER, attempt=1, lease_token=token, **facts)


def running_as(worker_id: str, **fields: Any) -> TaskContext:
    """A task in progress of this worker, with its context."""
    task_id = samples.submit(assigned_worker=worker_id, **fields)
    [claimed] = transitions.claim(process_id=uuid4(), free={worker_id: 1})
    assert claimed.id == task_id
    return TaskContext(task_id=task_id, worker_id=worker_id, attempt=1, lease_token=claimed.token)


def grant(tool_name: str = TOOL, **terms: Any) -> None:
    permissions.grant(WORKER, tool_name, actor=samples.SYSTEM, **terms)


def ask(**facts: Any) -> CallRequest:
    known: dict[str, Any] = {"tool_name": TOOL, "arguments": {"n": 1}, "seconds": 30.0}
    return CallRequest(**(known | facts))


def answer(usd: str | None = None, **facts: Any) -> CallResult:
    price = None if usd is None else Price(Decimal(usd), "provider")
    return CallResult(**({"value": "fine", "price": price} | facts))


def call(
    context: TaskContext, asked: CallRequest, *, is_async: bool, send: Callable[..., Any] | None = None
) -> Any:
    """Make the call in either form; `send` is a plain function, by default one that answers."""

    def plain(permit: Any) -> Any:
        permit.use()
        return (send or (lambda permit: answer()))(permit)

    async def waiting(permit: Any) -> Any:
        return plain(permit)

    if is_async:
        return asyncio.run(calls.governed_call(context, asked, waiting))
    return calls.governed_call_sync(context, asked, plain)


def executions() -> list[tuple[str, str, str]]:
    """Each call on record: status, rule, error message."""
    return list(ToolExecution.objects.order_by("id").values_list("status", "rule", "error_message"))


def holds() -> list[str]:
    return list(BudgetHold.objects.order_by("id").values_list("state", flat=True))


def open_breaker(name: str) -> None:
    """An operator forces it open before anybody has asked it."""
    CircuitBreaker.objects.create(name=name, mode="forced_open", mode_by="tests", mode_reason="a test")
