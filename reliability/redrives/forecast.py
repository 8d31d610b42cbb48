"""The preview of a redrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, DecimalField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.functions import Greatest

from governance.access.actors import Actor
from governance.models import DeadLetter
from reliability.redrives import gates, selection, services
from reliability.redrives.selection import Chosen

GROUPS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the retries may cost in USD, from what the letters' earlier attempts cost.

    `one_attempt_usd` if each needs one attempt, `all_attempts_usd` if each uses all it gets; None when no
    letter has a recorded cost. `letters_unknown` is how many have none: the sums say nothing about those.
    """

    one_attempt_usd: Decimal | None
    all_attempts_usd: Decimal | None
    letters_unknown: int


@dataclass(frozen=True, slots=True)
class GroupShare:
    """How many letters of one group are meant."""

    signature_id: UUID
    failure_reason: str
    letters: int


@dataclass(frozen=True, slots=True)
class Preview:
    """`eligible` letters would be retried, `left_out` would not, by reason. `groups` are the largest of
    `group_count`. `plan` is how many are tried by the end of each stage; the pace alone takes
    `at_least_seconds`, waiting for the canary's outcomes comes on top."""

    text: str
    eligible: int
    left_out: dict[str, int]
    group_count: int
    groups: Sequence[GroupShare]
    forecast: Forecast
    plan: Sequence[int]
    at_least_seconds: float


def preview(
    chosen: Chosen, *, actor: Actor, pace: float = services.PACE_PER_SECOND, canary: bool = True
) -> Preview:
    """What `start` with the same words would do; changes nothing. Raises what `start` raises."""
    actor.require(services.PERMISSION)
    services.terms(reason="preview", pace=pace, max_failure_rate=services.MAX_FAILURE_RATE)
    eligible, left_out = selection.counts(chosen)
    pending = selection.letters(chosen).filter(status=DeadLetter.Status.PENDING).order_by()
    return Preview(
        text=selection.words(chosen),
        eligible=eligible,
        left_out=left_out,
        group_count=pending.aggregate(n=Count("signature_id", distinct=True))["n"],
        groups=_groups(pending),
        forecast=_forecast(pending),
        plan=gates.stages(eligible, canary=canary),
        at_least_seconds=eligible / pace,
    )


def _groups(pending: QuerySet[DeadLetter]) -> list[GroupShare]:
    counted = pending.values_list("signature_id", "signature__failure_reason").annotate(n=Count("pk"))
    return [GroupShare(*row) for row in counted.order_by("-n", "signature_id")[:GROUPS_SHOWN]]


def _forecast(pending: QuerySet[DeadLetter]) -> Forecast:
    money = DecimalField(max_digits=18, decimal_places=9)
    attempt = ExpressionWrapper(F("cost_usd") / Greatest(F("task__attempts"), 1), output_field=money)
    is_known = Q(cost_usd__gt=0)
    found = pending.aggregate(
        one=Sum(attempt, filter=is_known),
        every=Sum(attempt * F("task__max_attempts"), filter=is_known, output_field=money),
        unknown=Count("pk", filter=~is_known),
    )
    return Forecast(found["one"], found["every"], found["unknown"])
