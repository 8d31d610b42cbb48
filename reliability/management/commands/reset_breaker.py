"""`manage.py reset_breaker`: close circuit breakers everywhere."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from governance.management.command import GovernanceCommand
from reliability.breakers import verbs


class Command(GovernanceCommand):
    help = "Close circuit breakers and forget what they counted, in every process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="names of breakers (breaker_status)")
        parser.add_argument("--all", action="store_true", help="all of them")
        parser.add_argument("--reason", default="", help="why; kept in their history")
        self.add_json_argument(parser)

    def handle(self, *, names: list[str], reason: str, **options: bool) -> None:
        if bool(names) == options["all"]:
            raise CommandError("name breakers, or say --all")
        if names:
            for name in dict.fromkeys(names):
                verbs.reset(name, actor=self.actor, reason=reason)
            count = len(set(names))
        else:
            count = verbs.reset_all(actor=self.actor, reason=reason)
        self.say({"reset": count}, f"reset: {count}")
