"""`manage.py list_dlq`: dead letters, or what went wrong with them, newest first."""

from argparse import ArgumentParser
from itertools import islice
from typing import Any

from governance.management.list_command import checked_limit, pages
from governance.pagination import Row
from reliability.dead_letters import selectors
from reliability.management.dead_letter_command import DeadLetterCommand


class Command(DeadLetterCommand):
    help = "List dead letters, newest first, or the groups of those that failed alike (--groups)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_filter_arguments(parser)
        parser.add_argument(
            "--groups", action="store_true", help="groups that have open letters, instead of letters"
        )
        parser.add_argument("--limit", type=int, default=50, help="how many at most (default: %(default)s)")
        self.add_json_argument(parser)

    def handle(self, *, groups: bool, limit: int, **options: Any) -> None:
        question = selectors.groups if groups else selectors.letters
        found = pages(question, self.asked(options), actor=self.actor)
        rows = list(islice(found, checked_limit(limit)))
        self.say(rows, *map(_group if groups else _letter, rows), *([] if rows else ["none"]))


def _letter(row: Row) -> str:
    return (
        f"{row['id']}  {row['status']:8}  {row['failed_at']:%Y-%m-%d %H:%M}  "
        f"{row['task_type']}: {row['failure_reason']}"
    )


def _group(row: Row) -> str:
    return (
        f"{row['id']}  {row['pending']} pending, {row['retrying']} retrying, {row['resolved']} resolved  "
        f"{row['last_seen']:%Y-%m-%d %H:%M}  {row['triage']}  {row['task_type']}: {row['failure_reason']}"
    )
