"""`manage.py permissions`: what workers may call, and whether one call would be allowed."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any, ClassVar

from governance.access import selectors as gate_selectors
from governance.management.list_command import ListCommand
from governance.pagination import Row


class Command(ListCommand):
    help = (
        "List what workers may call, with the calls of this day and this minute (UTC). With --check, say"
        " whether the worker could call that tool now, and by which rule; nothing is counted."
    )
    filters: ClassVar = {
        "worker": "of this worker; may be repeated",
        "tool": "of this name, as it stands in the row; may be repeated",
        "effect": "that allow, or that deny",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", nargs=2, metavar=("WORKER", "TOOL"), help="e.g. ANALYST http.request")
        self.add_list_arguments(parser)

    def handle(self, *, check: list[str] | None, **options: Any) -> None:
        if check:
            found = gate_selectors.decision(*check, actor=self.actor)
            self.say(asdict(found), f"{'yes' if found.is_allowed else 'no'}: {found.rule}")
            return
        rows = self.found(gate_selectors.listed_permissions, options)
        self.say(rows, *map(_sentence, rows), *([] if rows else ["none"]))


def _sentence(row: Row) -> str:
    quotas = [
        f"{row[f'calls_this_{span}'] or 0} of {row[f'max_calls_per_{span}']} calls this {span}"
        for span in ("day", "minute")
        if row[f"max_calls_per_{span}"] is not None
    ]
    times = [
        f"{word} {row[name]:%Y-%m-%d %H:%M} UTC"
        for word, name in (("from", "valid_from"), ("until", "valid_until"))
        if row[name]
    ]
    rest = ["with an approval each time"] * row["requires_approval"] + times
    rest += ["not in force"] * (not row["is_in_force"])
    named = f"{row['effect']} {row['worker_id']} {row['tool_name']}"
    return ", ".join([named, *quotas, *rest, f"by {row['granted_by']}"])
