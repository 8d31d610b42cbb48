"""`manage.py list_tokens`: which clients have tokens, what those may do, and when they were last used."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from governance.management.list_command import ListCommand
from governance.pagination import Row
from juggernaut.api_tokens import selectors as token_selectors


class Command(ListCommand):
    help = "List the tokens of API clients, newest first. The tokens themselves are kept nowhere."
    filters: ClassVar = {"client": "those of the client with this name"}

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_list_arguments(parser)

    def handle(self, **options: Any) -> None:
        rows = self.found(token_selectors.tokens, options)
        self.say({"tokens": rows}, *([_sentence(row) for row in rows] or ["no tokens"]))


def _sentence(row: Row) -> str:
    expires = f"expires {row['expires_at']:%Y-%m-%d %H:%M} UTC" if row["expires_at"] else "does not expire"
    used = f"last used {row['last_used_at']:%Y-%m-%d %H:%M} UTC" if row["last_used_at"] else "never used"
    note = f", for {row['note']}" if row["note"] else ""
    scopes = " ".join(row["scopes"])
    return f"{row['id']} {row['hint']}… {row['client']}: {scopes}, {expires}, {used}{note}"
