"""Base of the commands of alerts: ids, a reason, and the result."""

from argparse import ArgumentParser
from collections import Counter
from typing import Any
from uuid import UUID

from governance.management.command import GovernanceCommand, parse_id
from governance.tasks.services import Outcome
from monitoring.errors import AlertNotFound
from monitoring.models import Alert


class AlertCommand(GovernanceCommand):
    """A command about alerts that are named by their ids, or all of a rule."""

    def add_alert_arguments(self, parser: ArgumentParser, *, needs_reason: bool = True) -> None:
        parser.add_argument("ids", nargs="+", metavar="ID", help="ids of alerts (list_alerts)")
        parser.add_argument("--reason", required=needs_reason, default="", help="why; kept in the audit log")
        self.add_json_argument(parser)

    def existing(self, names: list[str]) -> list[UUID]:
        """Their ids; raises `AlertNotFound`."""
        ids = [parse_id(name, "an alert") for name in dict.fromkeys(names)]
        known = set(Alert.objects.filter(pk__in=ids).values_list("pk", flat=True))
        if unknown := [each for each in ids if each not in known]:
            raise AlertNotFound(unknown[0])
        return ids

    def tell(self, done: str, outcome: Outcome) -> None:
        skipped = Counter(outcome.skipped.values())
        states = ", ".join(f"{count} {state}" for state, count in sorted(skipped.items()))
        document: dict[str, Any] = {"changed": list(outcome.moved), "skipped": dict(skipped)}
        self.say(
            document,
            f"{done}: {len(outcome.moved)}; skipped: {len(outcome.skipped)}{states and f' ({states})'}",
        )
