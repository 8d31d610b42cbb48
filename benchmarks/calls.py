"""Whole calls through the call pipeline that do nothing, from 1, 8 and 32 at a time, and what each gate takes
of one.

python -m benchmarks calls
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from uuid import uuid4

from benchmarks.report import Row
from governance.access import permissions
from governance.access.actors import Actor
from governance.costs.pricing import Price
from governance.models import WorkerBudget
from governance.tasks import schemas, transitions
from governance.tasks import services as tasks
from reliability import calls
from reliability.calls import CallPermit, CallRequest, CallResult, FixedCost, admission, settlement
from reliability.calls.context import CallContext
from reliability.calls.gates import GATES, Gate
from reliability.engine.context import TaskContext

AT_ONCE = (1, 8, 32)
SECONDS = 5.0
TIMED = 300
WORKER, TOOL = "ANALYST", "bench.nothing"
HELD = {"without a hold": None, "with a hold": FixedCost(Decimal("0.0001"))}
_FREE, _CENT = CallResult(value=None), CallResult(value=None, price=Price(Decimal("0.00005"), "provider"))


def measure(_count: int) -> list[Row]:
    """Calls a second in one process, then microseconds by gate."""
    context = _task()
    rows = []
    for said, cost in HELD.items():
        for many in AT_ONCE:
            rate = asyncio.run(_rate(context, many, cost))
            rows.append(Row(f"governed no-op calls {said}, {many} at once", rate, "calls/s", ""))
    rows += [
        Row(f"one call with a hold: {name}", spent, "us", "") for name, spent in _shares(context).items()
    ]
    calls.leave(10)
    return rows


def _task() -> TaskContext:
    """A task in progress for a worker that may call the tool and pay for it."""
    actor = Actor("benchmark", is_trusted=True)
    WorkerBudget.objects.update(daily_limit=1000, weekly_limit=None, monthly_limit=None)
    permissions.grant(WORKER, TOOL, actor=actor)
    payload = {"eval_type": "metric", "metric_value": 1}
    asked = schemas.parse({"title": "calls", "task_type": "evaluation", "payload": payload})
    tasks.submit([asked], actor=actor)
    [claimed] = transitions.claim(process_id=uuid4(), free={WORKER: 1})
    return TaskContext(task_id=claimed.id, worker_id=WORKER, attempt=1, lease_token=claimed.token)


def _ask(cost: FixedCost | None) -> CallRequest:
    return CallRequest(tool_name=TOOL, arguments={"n": 1}, seconds=30, breakers=("bench",), cost=cost)


async def _rate(context: TaskContext, many: int, cost: FixedCost | None) -> float:
    ends, done = time.monotonic() + SECONDS, 0

    async def send(permit: CallPermit) -> CallResult:
        return _CENT if cost else _FREE

    async def one_after_the_other() -> None:
        nonlocal done
        while time.monotonic() < ends:
            await calls.governed_call(context, _ask(cost), send)
            done += 1

    await asyncio.gather(*(one_after_the_other() for _ in range(many)))
    return done / SECONDS


def _shares(context: TaskContext) -> dict[str, float]:
    """Microseconds of one call, by gate and for its end, one call at a time in one thread."""
    spent: defaultdict[str, float] = defaultdict(float)
    timed = [_Timed(gate, spent) for gate in GATES]
    for _ in range(TIMED):
        call = CallContext(context, _ask(HELD["with a hold"]))
        admission.admit(call, timed)
        call.permit()
        _time(spent, "end and settle", partial(_settle, call))
    return {name: seconds / TIMED * 1e6 for name, seconds in spent.items()}


def _settle(call: CallContext) -> None:
    settlement.answered(call, _CENT)


class _Timed:
    """A gate that notes how long it takes."""

    def __init__(self, gate: Gate, spent: "defaultdict[str, float]") -> None:
        self.name, self._gate, self._spent = gate.name, gate, spent

    def enter(self, call: CallContext) -> None:
        _time(self._spent, self.name, partial(self._gate.enter, call))

    def undo(self, call: CallContext) -> None:
        self._gate.undo(call)


def _time(spent: "defaultdict[str, float]", name: str, work: Callable[[], None]) -> None:
    began = time.perf_counter()
    work()
    spent[name] += time.perf_counter() - began
