"""`manage.py mute_alert ID … --minutes 60 --reason …`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from governance.management.command import ends_at
from monitoring.alerts import services
from monitoring.management.alert_command import AlertCommand


class Command(AlertCommand):
    help = "Mute alerts: until then nobody is told of them, whatever becomes of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_alert_arguments(parser)
        ends = parser.add_mutually_exclusive_group(required=True)
        ends.add_argument("--until", help="until then (ISO 8601 with a zone)")
        ends.add_argument("--minutes", type=float, help="for so many minutes from now")

    def handle(
        self, *, ids: list[str], reason: str, until: str | None, minutes: float | None, **options: Any
    ) -> None:
        end = ends_at(until=until, minutes=minutes)
        if end is None:
            raise CommandError("say until when: --until or --minutes")
        self.tell("muted", services.mute(self.existing(ids), end, actor=self.actor, reason=reason))
