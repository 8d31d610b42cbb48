"""`manage.py prune`: remove now what is older than its rule."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from governance import retention
from governance.management.command import MAX_DAYS, GovernanceCommand
from reliability.management.progress import Bar


class Command(GovernanceCommand):
    help = (
        "Remove what is older than its rule of retention (`manage.py set_retention` lists them), all of it at"
        " once. The watchdog does the same little by little. It may be stopped at any time, and killed: each"
        " step removes whole tasks."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--older-than", type=_days, metavar="DAYS", dest="older_than",
            help="instead of the rules' days; what is kept for ever stays, and no rule goes below its least",
        )  # fmt: skip
        parser.add_argument(
            "--only", action="append", default=[], metavar="WALK",
            help=f"this part alone; may be repeated: {', '.join(retention.names())}",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="count what would go, and remove nothing")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(
        self, *, older_than: timedelta | None, only: list[str], dry_run: bool, reason: str, **options: Any
    ) -> None:
        steps = retention.prune(
            actor=self.actor, older_than=older_than, only=only, is_dry=dry_run, reason=reason
        )
        removed = self._count(steps, len(only or retention.names()))
        tables = dict(sorted(removed.items()))
        verb = "would be removed" if dry_run else "removed"
        self.say(
            {"dry_run": dry_run, "removed": tables},
            *(f"{verb} from {table}: {rows:,}" for table, rows in tables.items()),
            *([] if tables else ["nothing is older than its rule"]),
        )

    def _count(self, steps: Iterable[retention.Step], walks: int) -> Counter[str]:
        removed: Counter[str] = Counter()
        done, bar = 0, Bar(sys.stderr)
        for step in steps:
            removed += step.deleted
            done += step.is_last
            bar.show(done, walks, f"walks; {step.walk}; {sum(removed.values()):,} rows")
        bar.end()
        return removed


def _days(text: str) -> timedelta:
    try:
        days = int(text.removesuffix("d"))
        if not 0 <= days <= MAX_DAYS:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days, as in 30 or 30d") from None
    return timedelta(days=days)
