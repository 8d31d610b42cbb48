"""Budget balances: each window that the next call of a worker counts in, read live."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.utils import timezone

_STANDING = """
SELECT s.scope, s.kind, s.starts_at, s.ends_at, s.cap, coalesce(w.spent, 0), coalesce(w.held, 0),
       coalesce(w.overage, 0), coalesce(w.carried, 0)
FROM governance_budget_scopes(%s, %s::uuid, %s) s
LEFT JOIN budget_windows w ON w.scope = s.scope AND w.kind = s.kind AND w.starts_at = s.starts_at
ORDER BY s.rank, s.scope, array_position(ARRAY['day', 'week', 'month'], s.kind)"""

# Of everybody who may spend: those who are registered, and those who have a budget.
_ALL_STANDING = """
SELECT DISTINCT s.rank, s.scope, s.kind, s.starts_at, s.ends_at, s.cap, coalesce(w.spent, 0),
       coalesce(w.held, 0), coalesce(w.overage, 0), coalesce(w.carried, 0),
       array_position(ARRAY['day', 'week', 'month'], s.kind) AS place
FROM (SELECT worker_id FROM worker_registry UNION SELECT worker_id FROM worker_budgets) everybody
CROSS JOIN LATERAL governance_budget_scopes(everybody.worker_id, NULL, %s) s
LEFT JOIN budget_windows w ON w.scope = s.scope AND w.kind = s.kind AND w.starts_at = s.starts_at
ORDER BY s.rank DESC, s.scope, place"""


@dataclass(frozen=True, slots=True)
class BudgetBalance:
    """One window: USD spent, held and beyond its holds, under a limit (None: there is none).

    A task's envelope has no end. `carried_usd` counts against the limit, too; see `BudgetWindow`.
    """

    scope: str
    kind: str
    starts_at: datetime
    ends_at: datetime | None
    limit_usd: Decimal | None
    spent_usd: Decimal
    held_usd: Decimal
    overage_usd: Decimal
    carried_usd: Decimal

    @property
    def free_usd(self) -> Decimal | None:
        """What can still be reserved; None without a limit."""
        if self.limit_usd is None:
            return None
        return max(Decimal(0), self.limit_usd - self.used_usd)

    @property
    def used_usd(self) -> Decimal:
        """What counts against the limit."""
        return self.carried_usd + self.spent_usd + self.held_usd

    def is_used_to(self, share: Decimal) -> bool:
        """Whether so much of the limit is used. Who may spend nothing, and did not, has used nothing."""
        return self.limit_usd is not None and self.used_usd > 0 and self.used_usd >= share * self.limit_usd


def balance(
    worker_id: str, *, task_id: UUID | None = None, at: datetime | None = None
) -> list[BudgetBalance]:
    """The windows of a worker's next call, the fleet's last; with a task, its envelopes first."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [worker_id, task_id and str(task_id), at or timezone.now()])
        return [BudgetBalance(*row) for row in cursor.fetchall()]


def all_balances(*, at: datetime | None = None) -> list[BudgetBalance]:
    """The windows of the fleet and of every worker, the fleet's first: one query."""
    with connection.cursor() as cursor:
        cursor.execute(_ALL_STANDING, [at or timezone.now()])
        return [BudgetBalance(*row[1:-1]) for row in cursor.fetchall()]


def list_balances(scopes: Iterable[str], *, at: datetime | None = None) -> dict[str, list[BudgetBalance]]:
    """The windows of each of these budgets (workers, FLEET) alone: day, week, month."""
    found: dict[str, list[BudgetBalance]] = {scope: [] for scope in scopes}
    for window in all_balances(at=at):
        if window.scope in found:
            found[window.scope].append(window)
    return found
