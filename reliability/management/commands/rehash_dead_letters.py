"""`manage.py rehash_dead_letters`: group dead letters by the current rules."""

import sys
from argparse import ArgumentParser

from governance.management.command import GovernanceCommand
from reliability.dead_letters import regrouping
from reliability.management.progress import Bar


class Command(GovernanceCommand):
    help = (
        "Move dead letters that older rules have grouped to their groups by the current rules. It may be"
        " stopped at any time and goes on when it is run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say how many there are, and move none")
        self.add_json_argument(parser)

    def handle(self, *, dry_run: bool, **options: object) -> None:
        total, done, bar = regrouping.outdated(), 0, Bar(sys.stderr)
        for moved in () if dry_run else regrouping.regroup(actor=self.actor):
            done += moved
            bar.show(done, total)
        bar.end()
        document = {"dry_run": dry_run, "outdated": total, "moved": done}
        self.say(document, f"would be moved: {total}" if dry_run else f"moved: {done}")
