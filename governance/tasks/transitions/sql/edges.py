"""Builds the SQL of a transition: one statement that locks, moves and writes the history."""

from typing import Any

from django.db import connection

from governance.tasks.transitions.sql.dead_letters import GIVES_UP
from governance.tasks.transitions.types import Transition

# ruff: noqa: S608 (statements are put together from constants; values are parameters)

NOT_WAITING = "waiting_for = '', wait = NULL"


def edge(
    *,
    picked: str,
    to: str,
    sets: str = "",
    actor: str,
    reason: str,
    process: str = "NULL::uuid",
    letters: str = "",
    waits: str = NOT_WAITING,
) -> str:
    """The statement of one edge: rows of `picked` (id, was, …) become `to`, each with its event.

    `waits` says what they wait for afterwards. `reason` may name the columns returned by `moved`.
    With `letters`, those that reliability gave up get their dead letter in the same statement.
    """
    return f"""
WITH picked AS MATERIALIZED ({picked}),
moved AS (
  UPDATE governance_tasks t
  SET status = {to}, transitions = t.transitions + 1, updated_at = now(),
      lease_owner = NULL, lease_expires_at = NULL, {waits}{sets and ", " + sets}
  FROM picked WHERE t.id = picked.id
  RETURNING t.id, picked.was, t.status, t.assigned_worker, t.transitions, t.attempts, t.error_message,
            t.wait, t.crash_attempts, {process} AS process{letters and GIVES_UP}),
logged AS (
  INSERT INTO task_events (task_id, seq, from_status, to_status, actor, reason, attempt, process_id)
  SELECT id, transitions, was, status, {actor}, {reason}, attempts, process FROM moved){letters}
SELECT id, was, status, assigned_worker FROM moved"""


def in_states(*states: str) -> str:
    listed = ", ".join(f"'{state}'" for state in states)
    return f"""
  SELECT id, status AS was FROM governance_tasks
  WHERE id = ANY(%(ids)s::uuid[]) AND status IN ({listed}) ORDER BY id FOR UPDATE"""


ENDED = "completed_at = now()"


def failure(cause: str) -> str:
    return f"""'{{"cause": "{cause}"}}'::jsonb"""


def moved(statement: str, **parameters: Any) -> list[Transition]:
    return [Transition(*row) for row in run(statement, **parameters)]


def run(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
