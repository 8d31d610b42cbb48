"""The verb of limits: how much a worker, or the fleet, may spend in a day, a week and a month."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from governance import timezones
from governance.access.actors import Actor
from governance.audit import log as audit
from governance.budgets import amounts
from governance.errors import BudgetNotFound, FieldError, InvalidInput
from governance.models.budget import FLEET, WorkerBudget
from governance.models.worker import Worker

PERMISSION = "governance.change_workerbudget"
LIMITS = ("daily_limit", "weekly_limit", "monthly_limit")


def set_limits(
    worker_id: str,
    *,
    limits: Mapping[str, Decimal | None],
    timezone: str = "",
    actor: Actor,
    reason: str = "",
) -> WorkerBudget:
    """Set these limits (`daily_limit`, …; USD, None is no limit), leave the others; make the row if new.

    Binds at the next call of every process. Raises `InvalidInput` that names the field, `BudgetNotFound`
    for what is neither a worker nor FLEET, and `Forbidden`.
    """
    actor.require(PERMISSION)
    refuse_unknown([worker_id])
    changes: dict[str, Any] = {name: _checked(name, limit) for name, limit in limits.items()}
    if timezone:
        changes["timezone"] = _known(timezone)
    with audit.acting(actor, verb="set_limits", reason=reason):
        budget, _ = WorkerBudget.objects.update_or_create(pk=worker_id, defaults=changes)
        budget.refresh_from_db()
    return budget


def refuse_unknown(scopes: Iterable[str]) -> None:
    """Raise `BudgetNotFound` for what has no budget: a limit of nobody would bind nobody."""
    known = scopes_known()
    for scope in scopes:
        if scope not in known:
            raise BudgetNotFound(scope, known)


def scopes_known() -> list[str]:
    """FLEET, and every worker that is registered or has limits."""
    names = {*Worker.objects.values_list("pk", flat=True), *WorkerBudget.objects.values_list("pk", flat=True)}
    return [FLEET, *sorted(names - {FLEET})]


def _checked(name: str, limit: Decimal | None) -> Decimal | None:
    if name not in LIMITS:
        raise InvalidInput([FieldError(name, f"is no limit; expected one of {', '.join(LIMITS)}")])
    try:
        return None if limit is None else amounts.quantize(limit)
    except ValueError as error:
        raise InvalidInput([FieldError(name, str(error))]) from None


def _known(timezone: str) -> str:
    try:
        return timezones.checked(timezone)
    except ValueError as unknown:
        raise InvalidInput([FieldError("timezone", f"{unknown} (got {timezone[:64]!r})")]) from None
