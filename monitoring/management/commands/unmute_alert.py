"""`manage.py unmute_alert ID …`."""

from argparse import ArgumentParser
from typing import Any

from monitoring.alerts import services
from monitoring.management.alert_command import AlertCommand


class Command(AlertCommand):
    help = "Unmute alerts: people are told of them again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_alert_arguments(parser, needs_reason=False)

    def handle(self, *, ids: list[str], reason: str, **options: Any) -> None:
        self.tell("unmuted", services.unmute(self.existing(ids), actor=self.actor, reason=reason))
