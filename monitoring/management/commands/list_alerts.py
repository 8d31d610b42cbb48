"""`manage.py list_alerts`: what is wrong, and what was."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from governance.management.list_command import ListCommand
from governance.pagination import Row
from monitoring.alerts import selectors


class Command(ListCommand):
    help = "List alerts: those that are not resolved, unless --state says which; or with --rules the rules."
    filters: ClassVar = {
        "state": "in this state: open, acknowledged, resolved",
        "rule": "of this rule",
        "severity": "of this severity: warning, critical",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_list_arguments(parser)
        parser.add_argument("--rules", action="store_true", help="the rules with their thresholds")

    def handle(self, *, rules: bool, **options: Any) -> None:
        if rules:
            rows = selectors.rules(actor=self.actor)
            self.say(rows, *map(_rule, rows))
            return
        options["state"] = options["state"] or ["open", "acknowledged"]
        rows = self.found(selectors.alerts, options)
        self.say(rows, *(map(_alert, rows) if rows else ["There are no such alerts."]))


def _alert(row: Row) -> str:
    muted = f", muted until {row['muted_until']:%Y-%m-%d %H:%M} UTC" if row["muted_until"] else ""
    by = f" by {row['acknowledged_by']}" if row["state"] == "acknowledged" else ""
    often = f", {row['occurrences']} times" if row["occurrences"] > 1 else ""
    since = f"since {row['opened_at']:%Y-%m-%d %H:%M:%S} UTC"
    state = f"{row['state']}{by}{muted}{often}"
    return f"{row['id']}  {row['severity']} {row['rule']} ({state}) {since}: {row['said']}"


def _rule(row: Row) -> str:
    switched = "" if row["is_enabled"] else " (off)"
    terms = f"{row['severity']}, {row['threshold']:g} {row['unit']}, told every {row['repeat_seconds']:,} s"
    return f"{row['name']}{switched}: {terms}. {row['says']}"
