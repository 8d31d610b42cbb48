"""What tests of budgets share: limits as an operator would type them, and the state of the books."""

from decimal import Decimal
from typing import Any

from django.db import connection

from governance import budgets
from governance.costs.pricing import Price
from governance.models import BudgetHold, CostLine

WORKER = "ANALYST"


def sql(statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def allow(worker_id: str = WORKER, *, fleet: str | None = "1000", **limits: str | None) -> None:
    """Limits in USD: `allow(daily_limit="10")`. What is not named is unlimited."""
    rows = {worker_id: limits, "FLEET": {"daily_limit": fleet}}
    for name, row in rows.items():
        sql("DELETE FROM worker_budgets WHERE worker_id = %s", name)
        columns = ["worker_id", *row]
        marks = ", ".join(["%s"] * len(columns))
        sql(f"INSERT INTO worker_budgets ({', '.join(columns)}) VALUES ({marks})", name, *row.values())


def reserve(amount: str, **call: Any) -> budgets.Hold:
    asked: dict[str, Any] = {"worker_id": WORKER, "amount_usd": Decimal(amount), "seconds": 60}
    return budgets.reserve(**(asked | call))


def cost(usd: str) -> Price:
    return Price(Decimal(usd), "provider")


def spend(amount: str, **call: Any) -> BudgetHold:
    """A call that cost this much, exactly as much as was held for it."""
    hold = reserve(amount, **call)
    budgets.settle(hold.id, price=cost(amount))
    return BudgetHold.objects.get(pk=hold.id)


def window(scope: str = WORKER, kind: str = "day", **when: Any) -> dict[str, Decimal]:
    """The figures of a worker's current window."""
    [found] = [s for s in budgets.balance(WORKER, **when) if (s.scope, s.kind) == (scope, kind)]
    return {
        name: getattr(found, f"{name}_usd")
        for name in ("spent", "held", "overage", "free")
        if getattr(found, f"{name}_usd") is not None
    }


def lines(hold: Any) -> list[tuple[str, str, Decimal]]:
    """The ledger lines of a hold: kind, source, USD."""
    found = CostLine.objects.filter(hold_id=hold.id).order_by("line")
    return [(line.kind, line.price_source, line.cost_usd) for line in found]


def assert_sound() -> None:
    assert [str(found) for found in budgets.discrepancies()] == []
