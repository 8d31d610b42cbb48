"""`manage.py reset_breaker`: close circuit breakers everywhere."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from governance.management.command import GovernanceCommand
from reliability.breakers import selectors, services


class Command(GovernanceCommand):
    help = "Close circuit breakers and forget what they counted, in every process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="names of breakers (breaker_status)")
        parser.add_argument("--all", action="store_true", help="all of them")
        parser.add_argument("--dry-run", action="store_true", help="say which would be reset, and do nothing")
        parser.add_argument("--reason", default="", help="why; kept in their history")
        self.add_json_argument(parser)

    def handle(self, *, names: list[str], reason: str, **options: bool) -> None:
        if bool(names) == options["all"]:
            raise CommandError("name breakers, or say --all")
        if options["dry_run"]:
            rows = selectors.breakers(names, actor=self.actor)
            would_be = {row["name"]: row["state"] for row in rows}
            lines = [f"would be reset: {name}, which is {state}" for name, state in would_be.items()]
            self.say({"would_be_reset": would_be}, *lines or ["there is no breaker"])
            return
        if names:
            count = services.reset_many(names, actor=self.actor, reason=reason)
        else:
            count = services.reset_all(actor=self.actor, reason=reason)
        self.say({"reset": count}, f"reset: {count}")
