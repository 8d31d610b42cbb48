"""`manage.py costs`: what was spent, by whom and on what; the ledger; how long the budgets last."""

from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import CommandError

from governance.costs import selectors as cost_selectors
from governance.management.command import GovernanceCommand
from governance.management.list_command import checked_limit, pages
from governance.pagination import Row

_BY = ("worker", "model", "service", "task_type", "source", "hour")
_SPAN = {
    "hours": "the last so many hours (default: 24)",
    "after": "calls after this time (ISO 8601 with a zone)",
    "until": "calls up to this time; goes with --after",
}
_ONLY = {
    "worker": "of this worker",
    "model": "of this model",
    "service": "of this service",
    "task_type": "of tasks of this type",
    "source": "whose price comes from here: provider, unpriced, unknown, expired, …",
}
_LINES = {
    "task": "of this task (its id); with --lines",
    "hold": "of this budget hold (its id); with --lines",
    "kind": "calls or corrections: call, correction; with --lines",
}


class Command(GovernanceCommand):
    help = (
        "Sum up what was spent in a span of time: altogether, unpriced and unknown, by worker, model,"
        " service, task type or hour, and the most expensive tasks. --lines shows the ledger, --burn-rates"
        " how long budgets last."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        for name, meaning in _SPAN.items():
            parser.add_argument(f"--{name}", help=meaning)
        for name, meaning in (_ONLY | _LINES).items():
            parser.add_argument(f"--{name.replace('_', '-')}", help=f"only {meaning}")
        parser.add_argument("--by", action="append", choices=_BY, help="tell this sum only; may be repeated")
        parser.add_argument("--top", help="how many of the most expensive tasks (default: 10)")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--lines", action="store_true", help="the lines of the ledger, latest calls first")
        what.add_argument(
            "--burn-rates", action="store_true", help="what budgets burn in an hour, and their end"
        )
        parser.add_argument("--limit", type=int, default=50, help="how many lines (default: %(default)s)")
        self.add_json_argument(parser)

    def handle(self, **options: Any) -> None:
        said = {name: [options[name]] for name in (*_SPAN, *_ONLY, *_LINES, "top") if options[name]}
        if options["lines"]:
            self._lines(said, options["limit"])
        elif options["burn_rates"]:
            _refuse(said, "--burn-rates tells every budget")
            rows = cost_selectors.burn_rates(actor=self.actor)
            self.say(rows, *map(_pace, rows))
        else:
            _refuse({name: said[name] for name in _LINES if name in said}, "these filters go with --lines")
            found = cost_selectors.summed(said, actor=self.actor)
            self.say(found, *_sentences(found, options["by"] or _BY, is_whole=not options["by"]))

    def _lines(self, said: dict[str, list[str]], limit: int) -> None:
        _refuse(
            {name: said[name] for name in ("hours", "top", "task_type") if name in said}, "not with --lines"
        )
        names = {"after": "created_after", "until": "created_before"}
        asked = {names.get(name, name): values for name, values in said.items()}
        rows = list(islice(pages(cost_selectors.lines, asked, actor=self.actor), checked_limit(limit)))
        self.say(rows, *map(_line, rows), *([] if rows else ["none"]))


def _refuse(said: dict[str, Any], why: str) -> None:
    if said:
        raise CommandError(f"{', '.join('--' + name.replace('_', '-') for name in said)}: {why}")


def _sentences(found: Row, by: Any, *, is_whole: bool) -> Iterator[str]:
    until = f" to {found['until']:%Y-%m-%d %H:%M}" if found["until"] else ""
    yield f"after {found['after']:%Y-%m-%d %H:%M}{until} UTC: {_usd(found)}"
    yield f"unpriced {found['unpriced_usd']:f} USD, unknown {found['unknown_usd']:f} USD"
    for name in by:
        yield from _sums(name, found[f"by_{name}"])
    if is_whole and found["most_expensive_tasks"]:
        yield "most expensive tasks:"
        for task in found["most_expensive_tasks"]:
            yield f"  {task['cost_usd']:f} USD  {task['task_id']}  {task['title'] or '(deleted)'}"


def _sums(name: str, sums: list[Row]) -> Iterator[str]:
    if sums:
        yield f"by {name.replace('_', ' ')}:"
    for each in sums:
        what = f"{each['hour']:%Y-%m-%d %H:00}" if name == "hour" else each["name"] or "(none)"
        yield f"  {_usd(each)}  {what}"


def _usd(row: Row) -> str:
    return f"{row['cost_usd']:f} USD in {row['calls']} calls"


def _pace(row: Row) -> str:
    limit = (
        "no limit" if row["limit_usd"] is None else f"free {row['free_usd']:f} of {row['limit_usd']:f} USD"
    )
    end = f", ends at {row['runs_out_at']:%Y-%m-%d %H:%M} UTC" if row["runs_out_at"] else ""
    return f"{row['scope']}, {row['kind']}: {row['per_hour_usd']:f} USD an hour, {limit}{end}"


def _line(row: Row) -> str:
    what = row["model"] or row["service"] or "-"
    why = f": {row['reason']}" if row["reason"] else ""
    return (
        f"{row['created_at']:%Y-%m-%d %H:%M:%S}  {row['cost_usd']:f} USD  {row['worker_id']} {what}"
        f"  {row['kind']}, {row['price_source']}, hold {row['hold_id']}{why}"
    )
