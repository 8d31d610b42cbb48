"""`manage.py set_budget`: what a worker, or the fleet, may spend; alone, how it stands."""

from argparse import ArgumentParser
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandError

from governance import budgets
from governance.budgets import Standing
from governance.management.command import GovernanceCommand

_OPTIONS = {"daily": "daily_limit", "weekly": "weekly_limit", "monthly": "monthly_limit"}


class Command(GovernanceCommand):
    help = (
        "Set what a worker may spend, or all together (FLEET). Binds at the next call. Limits that are not"
        " named stay. Prints how the worker stands; without a change it only does that."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("worker", help="e.g. ANALYST, or FLEET for all")
        for span in _OPTIONS:
            parser.add_argument(f"--{span}", metavar="USD", help="the limit in USD; none = no limit")
        parser.add_argument("--timezone", default="", help="whose midnight counts, e.g. Europe/Berlin")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, worker: str, timezone: str, reason: str, **options: Any) -> None:
        limits = {column: _usd(options[name]) for name, column in _OPTIONS.items() if options[name]}
        if limits or timezone:
            budgets.set_limits(worker, limits=limits, timezone=timezone, actor=self.actor, reason=reason)
        windows = budgets.standing(worker)
        self.say([_document(window) for window in windows], *(_sentence(window) for window in windows))


def _usd(text: str) -> Decimal | None:
    if text == "none":
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CommandError(f"{text!r} is not an amount in USD; expected a number, or none") from None


def _document(window: Standing) -> dict[str, Any]:
    return asdict(window) | {"free_usd": window.free_usd}


def _sentence(window: Standing) -> str:
    money = f"spent {window.spent_usd:f}, held {window.held_usd:f}, overage {window.overage_usd:f}"
    if window.limit_usd is None:
        return f"{window.scope}, {window.kind}: {money}, no limit"
    return f"{window.scope}, {window.kind}: {money}, free {window.free_usd:f} of {window.limit_usd:f} USD"
