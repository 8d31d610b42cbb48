"""Base of the governance commands: JSON on request, one line and exit status 1 for every refusal."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from governance.access import actors
from governance.access.actors import Actor
from governance.db import errors as db_errors
from governance.db import locks
from governance.db.strict_json import find_error_in_text
from governance.errors import FieldError, GovernanceError, InvalidInput
from governance.tasks.schemas import in_this_age

# A person waits longer than a process does.
LOCK_SECONDS = 10.0
MAX_DAYS = 36_500
_LOCKED = "somebody else holds a lock on these rows (manage.py diagnose says who); nothing was changed"


class GovernanceCommand(BaseCommand):
    """A command that calls governance. Its refusals and an absent database end it with one line."""

    requires_system_checks = ()

    def execute(self, *args: Any, **options: Any) -> str | None:
        self.as_json = bool(options.get("json"))
        _refuse_other_bytes(options)
        try:
            with locks.wait_at_most(LOCK_SECONDS):
                return super().execute(*args, **options)
        except GovernanceError as refusal:
            raise CommandError(str(refusal)) from refusal
        except db_errors.ERRORS as failure:
            if locks.is_timeout(failure):
                raise CommandError(f"{_LOCKED}: {db_errors.describe_if_unavailable(failure)}") from failure
            if not db_errors.is_unavailable(failure):
                raise
            raise CommandError(db_errors.describe(failure)) from failure

    @property
    def actor(self) -> Actor:
        return actors.from_login()

    def add_json_argument(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print a JSON document instead of sentences")

    def say(self, document: object, *sentences: str) -> None:
        """Print the document when JSON was asked for, else the sentences."""
        if self.as_json:
            self.stdout.write(orjson.dumps(document, default=_encode).decode())
            return
        for sentence in sentences:
            self.stdout.write(sentence)


def _refuse_other_bytes(options: Mapping[str, Any]) -> None:
    """Raise `CommandError`, which names the option, for an argument that is not UTF-8: Python has halves of
    surrogate pairs for its bytes, which no driver sends. Names of files may be any bytes."""
    for name, said in options.items():
        texts = said if isinstance(said, list | tuple) else [said]
        if name != "file" and any(isinstance(text, str) and find_error_in_text(text) for text in texts):
            raise CommandError(f"{name.replace('_', '-')}: it is not UTF-8")


def span_of_days(days: int, option: str) -> timedelta:
    """So many days, as an option says it; raises `CommandError` for none and for more than a century."""
    if not 1 <= days <= MAX_DAYS:
        raise CommandError(f"{option}: 1 to {MAX_DAYS:,} days are expected (got {shortened(str(days))})")
    return timedelta(days=days)


def shortened(text: str) -> str:
    """The text as a message shows it."""
    return text if len(text) <= 40 else f"{text[:37]}…"


def parse_id(text: str, what: str) -> UUID:
    """The id that was typed; `what` it should be of, e.g. `a task`."""
    try:
        return UUID(text)
    except ValueError:
        raise CommandError(f"{text!r} is not the id of {what}: a UUID is expected") from None


def parse_usd(text: str) -> Decimal:
    """The amount that was typed."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise CommandError(f"{text!r} is not an amount in USD; expected a number") from None


def ends_at(*, until: str | None, minutes: float | None) -> datetime | None:
    """When something ends, said as a time (`--until`) or as a span from now (`--minutes`); or None."""
    if minutes is not None:
        return _after(minutes)
    if until is None:
        return None
    try:
        found = datetime.fromisoformat(until)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        message = f"ISO 8601 with a zone is expected, e.g. 2026-11-30T08:00Z (got {shortened(until)!r})"
        raise InvalidInput([FieldError("until", message)])
    return _of_this_age(found, "until")


def _after(minutes: float) -> datetime:
    try:
        return _of_this_age(timezone.now() + timedelta(minutes=minutes), "minutes")
    except (OverflowError, ValueError):  # more than a date can hold; no number
        message = f"a number of minutes is expected (got {minutes:g})"
        raise InvalidInput([FieldError("minutes", message)]) from None


def _of_this_age(moment: datetime, field: str) -> datetime:
    try:
        return in_this_age(moment)
    except ValueError as far_away:
        raise InvalidInput([FieldError(field, str(far_away))]) from None


def _encode(value: object) -> str:
    """Money as plain digits, as the API has it."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
