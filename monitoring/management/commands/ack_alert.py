"""`manage.py ack_alert ID … --reason …`."""

from argparse import ArgumentParser
from typing import Any

from monitoring.alerts import services
from monitoring.management.alert_command import AlertCommand


class Command(AlertCommand):
    help = "Acknowledge alerts: somebody sees to them, nobody is told again until they come anew."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_alert_arguments(parser)

    def handle(self, *, ids: list[str], reason: str, **options: Any) -> None:
        self.tell("acknowledged", services.acknowledge(self.existing(ids), actor=self.actor, reason=reason))
