"""`manage.py set_budget`: what workers, or the fleet, may spend; alone, how they stand."""

from argparse import ArgumentParser
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandError

from governance import budgets
from governance.budgets import Change, limit_changes
from governance.budgets import selectors as budget_selectors
from governance.budgets.limits import refuse_unknown
from governance.management.command import GovernanceCommand, parse_id, parse_usd
from governance.pagination import Row

_OPTIONS = {"daily": "daily_limit", "weekly": "weekly_limit", "monthly": "monthly_limit"}


class Command(GovernanceCommand):
    help = (
        "Set what workers may spend, or all together (FLEET). Binds at the next call. Limits that are not"
        " named stay. Prints how the workers stand; without a change it only does that, without a name for"
        " every budget."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workers", nargs="*", metavar="WORKER", help="e.g. ANALYST, or FLEET for all")
        for span in _OPTIONS:
            parser.add_argument(f"--{span}", metavar="USD", help="the limit in USD; none = no limit")
        parser.add_argument("--timezone", default="", help="whose midnight counts, e.g. Europe/Berlin")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--raise", dest="raised", action="store_true", help="double every limit there is")
        how.add_argument("--halve", action="store_true", help="halve every limit there is")
        how.add_argument("--factor", metavar="N", help="multiply every limit there is by this, e.g. 1.5")
        parser.add_argument(
            "--only", action="append", choices=_OPTIONS, help="multiply this limit only; may be repeated"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what multiplying would do")
        parser.add_argument("--task", metavar="ID", help="what the next call of this task counts in")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, workers: list[str], **options: Any) -> None:
        _refuse_contradiction(workers, options)
        if options["task"]:
            self._tell(budget_selectors.of_task(parse_id(options["task"], "a task"), actor=self.actor))
        elif _factor(options) is not None:
            self._multiply(workers, options)
        else:
            self._set(workers, options)
            self._tell(self._windows(workers))

    def _set(self, workers: list[str], options: dict[str, Any]) -> None:
        limits = {column: _usd(options[name]) for name, column in _OPTIONS.items() if options[name]}
        if not limits and not options["timezone"]:
            return
        refuse_unknown(workers)
        said = {"timezone": options["timezone"], "reason": options["reason"]}
        for worker in dict.fromkeys(workers):
            budgets.set_limits(worker, limits=limits, actor=self.actor, **said)

    def _multiply(self, workers: list[str], options: dict[str, Any]) -> None:
        chosen: dict[str, Any] = {"limits": [_OPTIONS[name] for name in options["only"] or _OPTIONS]}
        known = chosen | {"actor": self.actor, "reason": options["reason"]}
        factor = _factor(options)
        if options["dry_run"]:
            changes = limit_changes.forecast(workers, factor=factor or Decimal(0), **chosen)
        elif options["raised"]:
            changes = budgets.raise_limits(workers, **known)
        elif options["halve"]:
            changes = budgets.halve_limits(workers, **known)
        else:
            changes = budgets.scale_limits(workers, factor=factor or Decimal(0), **known)
        told = [{"scope": change.scope, "before": change.before, "after": change.after} for change in changes]
        self.say({"dry_run": options["dry_run"], "changes": told}, *_multiplied(changes, options["dry_run"]))

    def _windows(self, workers: list[str]) -> list[Row]:
        """Those of the workers' next calls, each once: the fleet's come last."""
        if not workers:
            listed = budget_selectors.listed(actor=self.actor)
            return [window for budget in listed for window in budget["windows"]]
        own = [w for name in workers for w in budget_selectors.one(name, actor=self.actor)["windows"]]
        fleet = budget_selectors.one("FLEET", actor=self.actor)["windows"]
        return list({(window["scope"], window["kind"]): window for window in [*own, *fleet]}.values())

    def _tell(self, windows: list[Row]) -> None:
        self.say(windows, *map(_sentence, windows))


def _refuse_contradiction(workers: list[str], options: dict[str, Any]) -> None:
    multiplies = _factor(options) is not None
    sets = bool(options["timezone"]) or any(options[name] for name in _OPTIONS)
    if options["task"] and (workers or sets or multiplies):
        raise CommandError("--task only tells: name no worker and no change with it")
    if (sets or multiplies) and not workers:
        raise CommandError("name the workers, or FLEET")
    if sets and multiplies:
        raise CommandError("set limits, or multiply them: one of both")
    if (options["only"] or options["dry_run"]) and not multiplies:
        raise CommandError("--only and --dry-run go with --raise, --halve or --factor")


def _factor(options: dict[str, Any]) -> Decimal | None:
    if options["raised"]:
        return limit_changes.DOUBLE
    if options["halve"]:
        return limit_changes.HALF
    try:
        return None if options["factor"] is None else Decimal(options["factor"])
    except InvalidOperation:
        raise CommandError(f"{options['factor']!r} is not a number to multiply by") from None


def _usd(text: str) -> Decimal | None:
    if text == "none":
        return None
    return parse_usd(text)


def _multiplied(changes: Iterable[Change], is_dry: bool) -> list[str]:
    said = "would be" if is_dry else "is"
    lines = [
        f"{change.scope}, {name}: {said} {after:f} USD, was {change.before[name]:f}"
        for change in changes
        for name, after in change.after.items()
    ]
    return lines or ["no limit to multiply"]


def _sentence(window: Row) -> str:
    money = f"spent {window['spent_usd']:f}, held {window['held_usd']:f}, overage {window['overage_usd']:f}"
    named = f"{window['scope']}, {window['kind']}: {money}"
    if window["limit_usd"] is None:
        return f"{named}, no limit"
    return f"{named}, free {window['free_usd']:f} of {window['limit_usd']:f} USD"
