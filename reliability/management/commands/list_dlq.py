"""`manage.py list_dlq`: dead letters, or what went wrong with them, newest first."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.core.management.base import CommandError

from governance.paging import MAX_LIMIT, Page, Row
from reliability import selectors
from reliability.management.letter_command import LetterCommand


class Command(LetterCommand):
    help = "List dead letters, newest first, or the groups of those that failed alike (--groups)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_filter_arguments(parser)
        parser.add_argument(
            "--groups", action="store_true", help="groups that have open letters, instead of letters"
        )
        parser.add_argument("--limit", type=int, default=50, help="how many at most (default: %(default)s)")
        self.add_json_argument(parser)

    def handle(self, *, groups: bool, limit: int, **options: Any) -> None:
        if limit < 1:
            raise CommandError("--limit must be 1 or more")
        question = selectors.groups if groups else selectors.letters
        rows = list(islice(self._rows(question, self.asked(options)), limit))
        self.say(rows, *map(_group if groups else _letter, rows), *([] if rows else ["none"]))

    def _rows(self, question: Callable[..., Page], asked: dict[str, list[str]]) -> Iterator[Row]:
        cursor: str | None = None
        while True:
            here = {} if cursor is None else {"cursor": [cursor]}
            page = question({**asked, "limit": [str(MAX_LIMIT)], **here}, actor=self.actor)
            yield from page.rows
            if (cursor := page.cursor) is None:
                return


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
