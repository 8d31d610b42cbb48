"""Which letters a redrive means, and which of them it can retry."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from django.db.models import Count, QuerySet

from governance.errors import FieldError, InvalidInput
from governance.models import DeadLetter
from reliability.dead_letters.filters import DeadLetterFilter
from reliability.models import Redrive

Chosen = DeadLetterFilter | Sequence[UUID]
MAX_IDS = 10_000

_LEFT_OUT = {
    DeadLetter.Status.RETRYING: "already retrying",
    DeadLetter.Status.RESOLVED: "already resolved",
}
_UNKNOWN = "no such dead letter"

# One statement, so that it is one moment: what arrives while it runs is not meant.
_FREEZE = """
WITH chosen AS MATERIALIZED ({letters}),
frozen AS (
  INSERT INTO redrive_items (redrive_id, position, letter_id, task_id, retries)
  SELECT %s, row_number() OVER (ORDER BY id), id, task_id, retries FROM chosen WHERE status = 'pending')
SELECT status, count(*) FROM chosen GROUP BY status"""


def letters(chosen: Chosen) -> QuerySet[DeadLetter]:
    """The letters that are meant, in whatever state. Raises `EmptyFilter`, or `InvalidInput` for no ids or
    more than 10,000."""
    if isinstance(chosen, DeadLetterFilter):
        chosen.require()
        return chosen.letters()
    if not 1 <= len(chosen) <= MAX_IDS:
        raise InvalidInput([FieldError("ids", f"1 to {MAX_IDS} ids are expected (got {len(chosen)})")])
    return DeadLetter.objects.filter(pk__in=chosen)


def words(chosen: Chosen) -> str:
    """The choice as an operator reads it."""
    if isinstance(chosen, DeadLetterFilter):
        return str(chosen)
    return "one chosen dead letter" if len(chosen) == 1 else f"{len(chosen)} chosen dead letters"


def said(chosen: Chosen) -> dict[str, object] | None:
    """The filter as JSON; None for a choice by ids, which the items name."""
    return chosen.said if isinstance(chosen, DeadLetterFilter) else None


def counts(chosen: Chosen) -> tuple[int, dict[str, int]]:
    """How many letters can be retried now, and how many cannot, by reason."""
    found = letters(chosen).order_by().values_list("status").annotate(Count("pk"))
    return _divided(chosen, dict(found))


def freeze(redrive: Redrive, chosen: Chosen) -> tuple[int, dict[str, int]]:
    """Make the items of a redrive, oldest letter first; answers as `counts`."""
    meant = letters(chosen).order_by().values("id", "task_id", "retries", "status")
    statement, parameters = meant.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_FREEZE.format(letters=statement), [*parameters, redrive.pk])
        return _divided(chosen, dict(cursor.fetchall()))


def _divided(chosen: Chosen, found: dict[str, int]) -> tuple[int, dict[str, int]]:
    left_out = {why: found[status] for status, why in _LEFT_OUT.items() if found.get(status)}
    unknown = 0 if isinstance(chosen, DeadLetterFilter) else len(set(chosen)) - sum(found.values())
    return found.get(DeadLetter.Status.PENDING, 0), left_out | ({_UNKNOWN: unknown} if unknown else {})
