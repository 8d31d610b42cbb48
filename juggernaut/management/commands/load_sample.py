"""`manage.py load_sample`: fill a database of no value, to see how everything answers at size."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from governance.management.command import GovernanceCommand
from juggernaut import sample
from reliability.management.progress import Bar

_NUMBERS = {
    "tasks": "tasks, with their events",
    "letters": "dead letters among them",
    "lines": "ledger lines, each with its hold",
    "calls": "rows of tool_executions, at most one for each ledger line",
    "groups": "groups that the dead letters fall into",
    "days": "days before now over which all of it is spread",
}
_FLAG = "--into-this-database"


class Command(GovernanceCommand):
    help = (
        "Fill a database of no value with a sample, as after months of work, in which everything agrees."
        " Nothing takes it out again: the ledger and the audit log keep what they are told. It may be stopped"
        " at any time; run again, it adds another sample. Refuses on the production profile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        usual = sample.Size()
        for name, words in _NUMBERS.items():
            number = getattr(usual, name)
            parser.add_argument(
                f"--{name}", type=int, default=number, metavar="N", help=f"{words} (default: {number})"
            )
        parser.add_argument(_FLAG, action="store_true", dest="is_meant", help="needed: yes, into this one")
        self.add_json_argument(parser)

    def handle(self, *, is_meant: bool, **options: Any) -> None:
        if not settings.IS_LOCAL:
            raise CommandError("this is the production profile: a sample never goes in here")
        if not is_meant:
            raise CommandError(f"nothing takes a sample out again; say {_FLAG} if this database may have it")
        try:
            size = sample.Size(**{name: options[name] for name in _NUMBERS})
        except ValueError as impossible:
            raise CommandError(str(impossible)) from impossible
        self._load(size)

    def _load(self, size: sample.Size) -> None:
        steps, bar = sample.step_count(size), Bar(sys.stderr)
        for done in sample.load(size):
            bar.show(done, steps)
        bar.end()
        loaded = {name: getattr(size, name) for name in ("tasks", "letters", "lines", "calls")}
        self.say(loaded, "loaded: " + ", ".join(f"{count:,} {name}" for name, count in loaded.items()))
