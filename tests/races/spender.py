"""A process that spends money as fast as it can, and does with every hold what can be done with one."""

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from uuid import UUID

from django.db import connections

from governance import budgets
from governance.budgets import Hold
from governance.costs.pricing import Price
from governance.errors import BudgetExceeded

WORKERS = ("ANALYST", "EXECUTOR", "STRATEGIST")
# Calls begin here, whatever the clock says while the test runs, and go on through days and months.
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
A_YEAR = 365 * 24 * 3600.0


@dataclass
class Fleet:
    """Processes that can be killed and replaced. `failed` are the exit codes of those that broke."""

    work: Callable[[int], None]
    processes: dict[int, BaseProcess] = field(default_factory=dict)
    killed: int = 0
    failed: list[int] = field(default_factory=list)

    def start(self, seed: int) -> None:
        connections.close_all()  # a child must not inherit a connection
        process = get_context("fork").Process(target=self.work, args=(seed,))
        process.start()
        self.processes[seed] = process

    def kill(self, seed: int) -> None:
        process = self.processes.pop(seed)
        process.kill()
        self._bury(process)

    def reap(self) -> None:
        for seed, process in list(self.processes.items()):
            if not process.is_alive():
                del self.processes[seed]
                self._bury(process)

    def has_ended(self) -> bool:
        self.reap()
        return not self.processes

    def _bury(self, process: BaseProcess) -> None:
        process.join()
        if process.exitcode == -signal.SIGKILL:
            self.killed += 1
        elif process.exitcode:
            self.failed.append(process.exitcode)


def spend(seed: int, *, calls: int, tasks: list[UUID]) -> None:
    """Make so many calls; those that the budgets refuse count as made."""
    chance = random.Random(seed)
    for call in range(calls):
        try:
            hold = _reserve(chance, tasks, at=NOON + timedelta(days=call // 10))
        except BudgetExceeded:
            continue
        if chance.random() < 0.1:
            budgets.expire_holds()  # as many watchdogs would, this hold among others
        _end(chance, hold)


def _reserve(chance: random.Random, tasks: list[UUID], *, at: datetime) -> Hold:
    amount = Decimal(chance.randrange(1, 20_000_000)).scaleb(-9)
    return budgets.reserve(
        worker_id=chance.choice(WORKERS),
        task_id=chance.choice([None, *tasks]),
        amount_usd=amount,
        least_usd=amount / chance.choice([1, 3]),
        seconds=chance.choice([A_YEAR] * 9 + [0.0]),  # one in ten expires at once
        at=at,
    )


def _end(chance: random.Random, hold: Hold) -> None:
    """Settled for less, more or an unknown price, charged, or left behind. Late ones are corrections."""
    match chance.choices(["settle", "more", "unpriced", "unknown", "leave"], [12, 2, 1, 2, 1])[0]:
        case "settle":
            part = Decimal(chance.randrange(0, 1000)) / 1000
            budgets.settle(hold.id, price=Price(hold.amount_usd * part, "provider"))
        case "more":
            budgets.settle(hold.id, price=Price(hold.amount_usd * 2, "provider"))
        case "unpriced":
            budgets.settle(hold.id, price=None)
        case "unknown":
            budgets.charge_unknown(hold.id)
