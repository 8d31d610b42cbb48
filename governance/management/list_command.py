"""Base of commands that list: one option for each filter, and a number of rows."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar

from django.core.management.base import CommandError

from governance.access.actors import Actor
from governance.management.command import GovernanceCommand
from governance.pagination import MAX_LIMIT, Page, Row

Question = Callable[..., Page]


class ListCommand(GovernanceCommand):
    """`filters` are those of the question, with their meaning; each may be given several times."""

    filters: ClassVar[Mapping[str, str]] = {}

    def add_list_arguments(self, parser: ArgumentParser) -> None:
        for name, meaning in self.filters.items():
            parser.add_argument(f"--{name.replace('_', '-')}", action="append", help=f"only {meaning}")
        parser.add_argument("--limit", type=int, default=50, help="how many at most (default: %(default)s)")
        self.add_json_argument(parser)

    def found(self, question: Question, options: Mapping[str, Any]) -> list[Row]:
        """The rows that the options ask for, from as many pages as it takes."""
        asked = {name: options[name] for name in self.filters if options[name]}
        return list(islice(pages(question, asked, actor=self.actor), checked_limit(options["limit"])))


def checked_limit(limit: int) -> int:
    """How many rows at most, as `islice` takes it; raises `CommandError` for none."""
    if limit < 1:
        raise CommandError("--limit must be 1 or more")
    return min(limit, sys.maxsize)


def pages(question: Question, asked: Mapping[str, list[str]], *, actor: Actor) -> Iterator[Row]:
    """All rows that a question finds, page by page."""
    cursor: str | None = None
    while True:
        here = {} if cursor is None else {"cursor": [cursor]}
        page = question({**asked, "limit": [str(MAX_LIMIT)], **here}, actor=actor)
        yield from page.rows
        if (cursor := page.cursor) is None:
            return
