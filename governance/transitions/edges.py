"""What every edge is made of: one statement that locks, moves and writes the history."""

from typing import Any

from django.db import connection

from governance.claims import Moved
from governance.dead_letter_rows import GIVES_UP

# ruff: noqa: S608 (statements are put together from constants; values are parameters)


def edge(
    *,
    picked: str,
    to: str,
    sets: str = "",
    actor: str,
    reason: str,
    process: str = "NULL::uuid",
    letters: str = "",
) -> str:
    """The statement of one edge: rows of `picked` (id, was, …) become `to`, each with its event.

    With `letters`, those that the machinery gave up get their dead letter in the same statement.
    """
    return f"""
WITH picked AS MATERIALIZED ({picked}),
moved AS (
  UPDATE governance_tasks t
  SET status = {to}, transitions = t.transitions + 1, updated_at = now(),
      lease_owner = NULL, lease_expires_at = NULL{sets and ", " + sets}
  FROM picked WHERE t.id = picked.id
  RETURNING t.id, picked.was, t.status, t.assigned_worker, t.transitions, t.attempts, t.error_message,
            t.waiting_for, t.crash_attempts, {process} AS process{letters and GIVES_UP}),
logged AS (
  INSERT INTO task_events (task_id, seq, from_status, to_status, actor, reason, attempt, process_id)
  SELECT id, transitions, was, status, {actor}, {reason}, attempts, process FROM moved){letters}
SELECT id, was, status, assigned_worker FROM moved"""


def in_states(*states: str) -> str:
    listed = ", ".join(f"'{state}'" for state in states)
    return f"""
  SELECT id, status AS was FROM governance_tasks
  WHERE id = ANY(%(ids)s::uuid[]) AND status IN ({listed}) ORDER BY id FOR UPDATE"""


ENDED = "completed_at = now(), waiting_for = ''"


def failure(cause: str) -> str:
    return f"""'{{"cause": "{cause}"}}'::jsonb"""


def moved(statement: str, **parameters: Any) -> list[Moved]:
    return [Moved(*row) for row in run(statement, **parameters)]


def run(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
