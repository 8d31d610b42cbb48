"""The verbs that multiply limits: raise, halve, or any factor, for one budget or many in one transaction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.budgets import amounts
from governance.budgets.limits import LIMITS, PERMISSION, refuse_unknown
from governance.errors import FieldError, InvalidInput
from governance.models.budget import WorkerBudget

HALF = Decimal("0.5")
DOUBLE = Decimal(2)


@dataclass(frozen=True, slots=True)
class Change:
    """The limits of one budget that a factor changes (USD, by `daily_limit`, …), before and after."""

    scope: str
    before: dict[str, Decimal]
    after: dict[str, Decimal]


def scale_limits(
    scopes: Iterable[str],
    *,
    factor: Decimal,
    limits: Sequence[str] = LIMITS,
    actor: Actor,
    reason: str = "",
    verb: str = "scale_limits",
) -> list[Change]:
    """Multiply these limits of these budgets; where there is no limit there is none afterwards.

    All or none, and done again it multiplies again. Raises `InvalidInput`, `BudgetNotFound`, `Forbidden`.
    """
    actor.require(PERMISSION)
    with audit.acting(actor, verb=verb, reason=reason):
        changes = forecast(scopes, factor=factor, limits=limits, is_locked=True)
        for change in changes:
            WorkerBudget.objects.filter(pk=change.scope).update(**change.after)
    return changes


def raise_limits(
    scopes: Iterable[str],
    *,
    factor: Decimal = DOUBLE,
    limits: Sequence[str] = LIMITS,
    actor: Actor,
    reason: str = "",
) -> list[Change]:
    """Multiply by more than 1 (default: double); as `scale_limits`."""
    if not factor > 1:
        raise InvalidInput([FieldError("factor", f"more than 1 is expected to raise a limit (got {factor})")])
    return scale_limits(scopes, factor=factor, limits=limits, actor=actor, reason=reason, verb="raise_limits")


def halve_limits(
    scopes: Iterable[str], *, limits: Sequence[str] = LIMITS, actor: Actor, reason: str = ""
) -> list[Change]:
    """What the runbook does when costs explode; as `scale_limits`."""
    return scale_limits(scopes, factor=HALF, limits=limits, actor=actor, reason=reason, verb="halve_limits")


def forecast(
    scopes: Iterable[str], *, factor: Decimal, limits: Sequence[str] = LIMITS, is_locked: bool = False
) -> list[Change]:
    """What the verbs would do now, without doing it."""
    _check(factor, limits)
    named = sorted(set(scopes))
    refuse_unknown(named)
    rows = WorkerBudget.objects.filter(pk__in=named).order_by("pk")
    found = {row.pk: row for row in (rows.select_for_update() if is_locked else rows)}
    return [_change(scope, found.get(scope), limits, _times(factor)) for scope in named]


def _check(factor: Decimal, limits: Sequence[str]) -> None:
    if not (factor.is_finite() and 0 <= factor <= 1000):
        raise InvalidInput([FieldError("factor", f"a number from 0 to 1000 is expected (got {factor})")])
    expected = f"is no limit; expected one of {', '.join(LIMITS)}"
    if wrong := [name for name in limits if name not in LIMITS] or [""] * (not limits):
        raise InvalidInput([FieldError("limits", f"{name!r} {expected}") for name in wrong])


def _change(
    scope: str, row: WorkerBudget | None, limits: Sequence[str], times: Callable[[Decimal], Decimal]
) -> Change:
    before = {name: getattr(row, name) for name in limits if getattr(row, name, None) is not None}
    return Change(scope, before, {name: times(limit) for name, limit in before.items()})


def _times(factor: Decimal) -> Callable[[Decimal], Decimal]:
    def multiplied(limit: Decimal) -> Decimal:
        try:
            return amounts.quantize(limit * factor, rounding=ROUND_HALF_UP)  # as PostgreSQL rounds
        except ValueError as error:
            raise InvalidInput([FieldError("factor", str(error))]) from None

    return multiplied
