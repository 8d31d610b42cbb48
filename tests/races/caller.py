"""A process that makes calls through the call pipeline as fast as it can, and ends them in every way there
is."""

import random
from decimal import Decimal
from functools import partial
from uuid import UUID

from governance.costs.pricing import Price
from reliability import breakers
from reliability import calls as reliability_calls
from reliability.calls import CallFailed, CallPermit, CallRequest, CallResult, FixedCost, Money
from reliability.engine.context import TaskContext
from reliability.failures import Postponed, TransientFailure

TOOL = "race.tool"
ENDS = ["answer", "more", "unpriced", "released", "unknown", "broken"]
BREAKERS = ("race", "race:part")


def make_calls(seed: int, *, calls: int, tasks: list[tuple[str, UUID, int]]) -> None:
    """So many calls for these tasks (worker, id, token); those that a gate refuses count as made."""
    chance = random.Random(seed)
    for number in range(calls):
        worker_id, task_id, token = chance.choice(tasks)
        context = TaskContext(task_id=task_id, worker_id=worker_id, attempt=1, lease_token=token)
        usd = Decimal(chance.randrange(1, 20_000_000)).scaleb(-9)
        ask = CallRequest(
            tool_name=TOOL,
            arguments={"seed": seed, "number": number},
            seconds=30.0,
            service="race",
            breakers=BREAKERS,
            cost=FixedCost(usd),
        )
        try:
            reliability_calls.governed_call_sync(context, ask, partial(_end, chance, usd))
        except (Postponed, TransientFailure, ValueError):
            continue


def _end(chance: random.Random, usd: Decimal, permit: CallPermit) -> CallResult:
    permit.use()
    part = Price(usd * chance.randrange(0, 1000) / 1000, "provider")
    match chance.choices(
        ["answer", "more", "unpriced", "released", "unknown", "broken"], [12, 2, 1, 2, 2, 1]
    )[0]:
        case "answer":
            return CallResult(value=None, price=part)
        case "more":
            return CallResult(value=None, price=Price(usd * 2, "provider"))
        case "unpriced":
            return CallResult(value=None)
        case "released" | "unknown" as money:
            error = TransientFailure("no")
            raise CallFailed("no", error=error, outcome=breakers.NOT_COUNTED, money=Money(money))
    raise ValueError("broken")
