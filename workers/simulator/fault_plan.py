"""The fault plan: decides what becomes of each call by plan, clock, count and seeded dice."""

import random
import time
from collections import Counter
from typing import Any

from workers.simulator.plan import Call, Fault, Line, Plan


class FaultPlan:
    """Faults and lines are chosen by the number and the time of a call since the plan was told, so a seed and
    an order of calls always give the same."""

    def __init__(self, plan: Plan, *, seed: int) -> None:
        self._seed = seed
        self.tell(plan)

    def tell(self, plan: Plan) -> None:
        """A new plan. Its calls are counted, and its time runs, from now."""
        self.plan = plan
        self.calls = 0
        self._begun = time.monotonic()
        self._used: Counter[int] = Counter()

    def change(self, told: Plan) -> None:
        """Replace the parts of the plan that were named."""
        self.tell(self.plan.model_copy(update={name: getattr(told, name) for name in told.model_fields_set}))

    def call(self, body: dict[str, Any]) -> Call:
        """The next call."""
        self.calls += 1
        messages = body["messages"]
        return Call(
            number=self.calls,
            seconds=time.monotonic() - self._begun,
            model=body["model"],
            text="\n".join(text_of(message) for message in messages),
            turn=sum(message.get("role") == "assistant" for message in messages),
        )

    def latency(self, call: Call) -> float:
        """How long its answer takes, in seconds."""
        latency = self.plan.latency
        return latency.seconds + latency.jitter_seconds * self._die(call, "latency")

    def fault(self, call: Call) -> Fault | None:
        for nth, fault in enumerate(self.plan.faults):
            if fault.rate > self._die(call, str(nth)) and self._is_due(fault, call):
                return fault
        return None

    def line(self, call: Call) -> Line | None:
        return next((line for line in self.plan.script if self._is_due(line, call)), None)

    def _is_due(self, rule: Fault | Line, call: Call) -> bool:
        if not rule.concerns(call) or (rule.times is not None and self._used[id(rule)] >= rule.times):
            return False
        self._used[id(rule)] += 1
        return True

    def _die(self, call: Call, what: str) -> float:
        return random.Random(f"{self._seed}:{call.number}:{what}").random()


def text_of(message: dict[str, Any]) -> str:
    """What a message says, in one piece."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
