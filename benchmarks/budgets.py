"""How many pairs of reserve and settle one hot fleet row takes in a second, from 1, 8 and 32 clients.

    python -m benchmarks budgets

Each client is a process with a connection of its own; all spend as one worker, so the three windows of
the worker and the three of the fleet are all hot.
"""

import time
from datetime import timedelta
from decimal import Decimal
from multiprocessing import get_context

from django.db import connections
from django.utils import timezone

from benchmarks.report import Row
from governance import budgets
from governance.costs.pricing import Price
from governance.models import BudgetWindow, CostLine, WorkerBudget

CLIENTS = (1, 8, 32)
SECONDS = 5.0
WORST, COST = Decimal("0.002"), Decimal("0.000731")


def measure(_count: int) -> list[Row]:
    """Pairs per second, and what the books say afterwards."""
    WorkerBudget.objects.all().delete()
    WorkerBudget.objects.create(worker_id="FLEET", daily_limit=1000)
    rows = [
        Row(f"reserve + settle, {n} clients, one fleet row", _rate(n), "pairs/s", _goal(n)) for n in CLIENTS
    ]
    return [*rows, Row("money beyond the limits", _overspent(), "USD", "0")]


def _rate(clients: int) -> float:
    """All clients begin at one moment and spend until another."""
    before = CostLine.objects.count()
    begins = time.time() + 1.0
    connections.close_all()
    processes = [get_context("fork").Process(target=_spend, args=(begins,)) for _ in range(clients)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return (CostLine.objects.count() - before) / SECONDS


def _spend(begins: float) -> None:
    connections["default"].ensure_connection()
    time.sleep(max(0.0, begins - time.time()))
    while time.time() < begins + SECONDS:
        hold = budgets.reserve(worker_id="EXECUTOR", amount_usd=WORST, seconds=60, service="bench", model="m")
        budgets.settle(hold.id, price=Price(COST, "provider"))


def _overspent() -> float:
    """What windows hold and have spent beyond limit and overage, and what the ledger does not account for."""
    budgets.expire_holds(at=timezone.now() + timedelta(days=1))
    days = BudgetWindow.objects.filter(scope="FLEET", kind="day")
    beyond = sum((max(Decimal(0), day.spent + day.held - day.overage - 1000) for day in days), Decimal(0))
    drift = sum((abs(found.stands - found.adds_up) for found in budgets.discrepancies()), Decimal(0))
    return float(beyond + drift)


def _goal(clients: int) -> str:
    return "500" if clients == 8 else ""
