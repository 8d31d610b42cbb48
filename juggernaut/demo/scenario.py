"""The scenario of the demo. Times are seconds of five minutes."""

import itertools
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson
from django.db.models import Count, Sum

from governance import budgets
from governance.access import approvals, permissions
from governance.access.actors import Actor
from governance.budgets import BudgetBalance
from governance.models import Approval, CostLine, RecurringTask, Task
from governance.schedules import services
from juggernaut.demo import workload
from reliability import redrives
from reliability.dead_letters import filters
from reliability.dead_letters.filters import DeadLetterFilter

TASKS_EVERY_SECONDS = 1.0
_OUTAGE = [{"status": 503, "message": "The provider is down for a moment"}]
_BAD_TEMPLATE = [{"status": 400, "contains": workload.INVOICE, "message": "Invalid template in messages.0"}]
_BUSY = [{"status": 429, "model": "openai/*", "retry_after": 15}]
_LETTERS = 12
_QUESTIONS = 3
_PATIENCE_SECONDS = 60.0
_THINKER = "STRATEGIST"

Tell = Callable[..., None]


class Scenario:
    """`tell` changes what the simulated provider does."""

    def __init__(self, tell: Tell, *, actor: Actor) -> None:
        self._tell = tell
        self._actor = actor
        self._work = workload.tasks_in_turn()
        self._invoices = itertools.count(1)
        self.acts: list[tuple[float, Callable[[], str]]] = [
            (0, self.begin),
            (20, self.ask_a_person),
            (45, self.outage),
            (70, self.recovery),
            (95, self.decide),
            (115, self.budget_runs_out),
            (155, self.budget_is_raised),
            (180, self.bad_release),
            (215, self.redrive),
            (250, self.rate_limit),
            (280, self.calm),
            (300, self.summary),
        ]

    def next_task(self) -> None:
        workload.submit(next(self._work), actor=self._actor)

    # ----------------------------------------------------------------------------------------------- the acts

    def begin(self) -> str:
        self._tell(faults=[], script=workload.script(), latency={"seconds": 0.5, "jitter_seconds": 1.5})
        self._begin_recurring()
        return "Agents go to work: reports, reviews, workflows. Look at Tasks; each has its timeline."

    def _begin_recurring(self) -> None:
        """Unless an earlier simulation left it behind."""
        said = workload.recurring()
        if not RecurringTask.objects.filter(name=said["name"]).exists():
            services.create(said, actor=self._actor)

    def ask_a_person(self) -> str:
        permissions.grant("EXECUTOR", workload.NEEDS_CONSENT, requires_approval=True, actor=self._actor)
        for number in range(1, _QUESTIONS + 1):
            workload.submit(workload.cleaning(number), actor=self._actor)
        return (
            f"{_QUESTIONS} agents want to delete a file, which a person must allow: they wait in Approvals."
        )

    def decide(self) -> str:
        waiting = list(Approval.objects.filter(status=Approval.Status.PENDING).order_by("created_at")[:2])
        for approval in waiting[:1]:
            approvals.approve(approval.pk, actor=self._actor, reason="nobody needs the draft")
        for approval in waiting[1:]:
            approvals.reject(approval.pk, actor=self._actor, reason="this one is still needed")
        return "One call is approved and one rejected; both agents go on. The other question is yours."

    def outage(self) -> str:
        self._tell(faults=_OUTAGE)
        return "The provider fails with 503. Its breaker opens, tasks are parked and use no attempt."

    def recovery(self) -> str:
        self._tell(faults=[])
        return "The provider is back. A probe closes the breaker, and parked tasks return on a ramp."

    def budget_runs_out(self) -> str:
        limit = self._spent() + Decimal("0.002")
        self._limit(limit, "halve what the review costs")
        return f"The day's budget of {_THINKER} is now {limit:f} USD. It runs out: its tasks wait for money."

    def budget_is_raised(self) -> str:
        self._limit(self._spent() + 5, "the reviews are worth it")
        return f"The budget of {_THINKER} is raised. What waited for it goes on."

    def bad_release(self) -> str:
        self._tell(faults=_BAD_TEMPLATE)
        for _ in range(_LETTERS):
            workload.submit(workload.invoice(next(self._invoices)), actor=self._actor)
        return f"{_LETTERS} invoices go out with a broken template: dead letters, grouped by their cause."

    def redrive(self) -> str:
        wanted = filters.parse({"status": "pending", "matching": "Invalid template"})
        letters = self._until_they_are_there(wanted)
        self._tell(faults=[])
        redrives.start(wanted, actor=self._actor, reason="the template is mended", pace=2)
        return f"The template is mended, and {letters} letters are redriven: one, then five, then the rest."

    def _until_they_are_there(self, wanted: DeadLetterFilter) -> int:
        """How many letters wait: all of them, unless the workers are slower than the story."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (letters := wanted.letters().count()) < _LETTERS and time.monotonic() < deadline:
            time.sleep(0.2)
        return letters

    def rate_limit(self) -> str:
        self._tell(faults=_BUSY)
        return "The first model is rate limited. Its breaker opens, and the fallback answers."

    def calm(self) -> str:
        self._tell(faults=[])
        return "All is well again."

    def summary(self) -> str:
        states = Task.objects.values_list("status").annotate(number=Count("id")).order_by("status")
        spent = CostLine.objects.aggregate(usd=Sum("cost_usd"))["usd"] or 0
        counted = ", ".join(f"{number} {status}" for status, number in states)
        return f"Tasks: {counted}. Spent: {spent:f} USD of simulated money."

    # ------------------------------------------------------------------------------------------------- money

    def _spent(self) -> Decimal:
        return self._today().spent_usd + self._today().held_usd

    def _today(self) -> BudgetBalance:
        return next(one for one in budgets.balance(_THINKER) if (one.scope, one.kind) == (_THINKER, "day"))

    def _limit(self, usd: Decimal, reason: str) -> None:
        budgets.set_limits(_THINKER, limits={"daily_limit": usd}, actor=self._actor, reason=reason)


def plan(**parts: Any) -> bytes:
    """A message to the control endpoint of the simulated provider."""
    return orjson.dumps(parts)
