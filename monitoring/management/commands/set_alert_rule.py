"""`manage.py set_alert_rule NAME --threshold 120 --reason …`."""

from argparse import ArgumentParser, BooleanOptionalAction
from typing import Any

from governance.management.command import GovernanceCommand
from monitoring.alerts import selectors, services


class Command(GovernanceCommand):
    help = "Set an alert rule: from where on it is an alert, how bad, how often it is told. Binds within 5 s."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="name of a rule (list_alerts --rules)")
        parser.add_argument("--threshold", type=float, help="in the unit of the rule")
        parser.add_argument("--severity", help="warning or critical")
        parser.add_argument(
            "--repeat-seconds", type=int, help="told again every so many seconds, at least 60"
        )
        parser.add_argument(
            "--enabled", dest="is_enabled", action=BooleanOptionalAction, help="switch it on or off"
        )
        parser.add_argument("--reason", required=True, help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, name: str, reason: str, **options: Any) -> None:
        said = {field: options[field] for field in services.SETTINGS if options[field] is not None}
        row = services.set_rule(name, said, actor=self.actor, reason=reason)
        document = {field: getattr(row, field) for field in selectors.RULE}
        switched = "on" if row.is_enabled else "off"
        told = f"{row.threshold:g} {row.unit}, {row.severity}, told every {row.repeat_seconds:,} s"
        self.say(document, f"{row.name} ({switched}): {told}")
