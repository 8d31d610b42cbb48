"""`manage.py set_retention`: how long a kind of row is kept; alone, the rules."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.forms.models import model_to_dict

from governance import retention
from governance.management.command import GovernanceCommand


class Command(GovernanceCommand):
    help = (
        "Keep a kind of row for DAYS days after its end, or for ever. Binds at the watchdog's next sweep."
        " Without a name: list the rules."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", metavar="RULE", help="e.g. 'completed tasks'")
        parser.add_argument("days", nargs="?", type=int, metavar="DAYS")
        parser.add_argument("--for-ever", action="store_true", help="never remove it; parts: with their task")
        parser.add_argument("--reason", default="", help="why; needed, and kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, name: str | None, days: int | None, **options: Any) -> None:
        if name is not None:
            if (days is None) is not options["for_ever"]:
                raise CommandError(f"for how long is {name!r} kept? Name the days, or --for-ever")
            retention.keep(name, days=days, actor=self.actor, reason=options["reason"])
        rules = retention.known(actor=self.actor)
        self.say([model_to_dict(rule) for rule in rules], *(f"{rule} ({rule.what})" for rule in rules))
