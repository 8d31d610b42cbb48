"""Moving dead letters into the groups of the current rules, after a migration has changed the rules."""

from collections.abc import Iterator
from uuid import UUID

from django.db import connection, transaction

from governance.access.actors import Actor

BATCH = 1000

_OUTDATED = "SELECT count(*) FROM dead_letter_queue WHERE rules_version <> failure_rules_version()"

# Locked in the order of their ids; whatever is being retried at this moment waits for us, or we for it.
# The trigger dead_letter_grouped computes everything that depends on the version.
_REHASH = """
WITH outdated AS MATERIALIZED (
  SELECT id, signature_id FROM dead_letter_queue
  WHERE id > %(after)s AND rules_version <> failure_rules_version()
  ORDER BY id LIMIT %(limit)s FOR UPDATE),
moved AS (
  UPDATE dead_letter_queue l SET rules_version = failure_rules_version()
  FROM outdated o WHERE l.id = o.id RETURNING l.id, o.signature_id AS old, l.signature_id AS new)
SELECT id, old, new FROM moved ORDER BY id"""

# What somebody found out about the old group is true of the new one, unless that has a word of its own.
_INHERIT = """
UPDATE failure_signatures n
SET triage = o.triage, ignored_until = o.ignored_until, ignored_until_failures = o.ignored_until_failures,
    ignored_until_per_hour = o.ignored_until_per_hour, note = o.note, triaged_by = o.triaged_by,
    triaged_at = o.triaged_at
FROM (SELECT DISTINCT ON (new) old, new FROM unnest(%(old)s::uuid[], %(new)s::uuid[]) AS pairs(old, new)
      ORDER BY new, old) p
JOIN failure_signatures o ON o.id = p.old
WHERE n.id = p.new AND n.triaged_at IS NULL AND o.triaged_at IS NOT NULL"""

# Nothing belongs to these any more, and nothing can: no error hashes to them under the current rules.
_EMPTIED = """
DELETE FROM failure_signatures s
WHERE rules_version <> failure_rules_version()
  AND NOT EXISTS (SELECT FROM dead_letter_queue l WHERE l.signature_id = s.id)"""
_FORGET_HOURS = """
DELETE FROM failure_signature_hours h WHERE NOT EXISTS (
  SELECT FROM failure_signatures s WHERE s.id = h.signature_id)"""


def outdated() -> int:
    """How many letters are grouped by older rules. Reads the whole table."""
    with connection.cursor() as cursor:
        cursor.execute(_OUTDATED)
        (count,) = cursor.fetchone()
    return int(count)


def regroup(*, actor: Actor) -> Iterator[int]:
    """Move outdated letters to their new groups, a thousand at a step; how many each step moved.

    Each step is a transaction: whoever stops in the middle goes on later. Needs
    `governance.triage_failuresignature`. New groups inherit the triage of the old ones.
    """
    actor.require("governance.triage_failuresignature")
    after = UUID(int=0)
    while moved := _step(after):
        after = moved[-1][0]
        yield len(moved)
    _forget_emptied()


@transaction.atomic
def _step(after: UUID) -> list[tuple[UUID, UUID, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(_REHASH, {"after": after, "limit": BATCH})
        moved: list[tuple[UUID, UUID, UUID]] = cursor.fetchall()
        old, new = [str(row[1]) for row in moved], [str(row[2]) for row in moved]
        cursor.execute(_INHERIT, {"old": old, "new": new})
    return moved


@transaction.atomic
def _forget_emptied() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_EMPTIED)
        cursor.execute(_FORGET_HOURS)
