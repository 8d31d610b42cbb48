"""Tasks that wait: for what they depend on, until their deadline."""

from collections.abc import Sequence
from uuid import UUID

from governance.tasks.transitions.sql.dead_letters import INSERT_LETTERS, NEW_LETTER
from governance.tasks.transitions.sql.divisible import Divisible
from governance.tasks.transitions.sql.edges import ENDED, edge, failure, moved
from governance.tasks.transitions.types import Transition

# ruff: noqa: S608 (statements are put together from constants; values are parameters)

DEPENDENCIES = "dependencies"

_RELEASE = edge(
    picked=f"""
  SELECT t.id, t.status AS was FROM governance_tasks t
  WHERE t.status = 'parked' AND t.waiting_for = '{DEPENDENCIES}'
    AND (%(after)s::uuid[] IS NULL OR t.id IN (
      SELECT task_id FROM task_dependencies WHERE depends_on_id = ANY(%(after)s::uuid[])))
    AND NOT EXISTS (
      SELECT FROM task_dependencies d JOIN governance_tasks p ON p.id = d.depends_on_id
      WHERE d.task_id = t.id AND p.status <> 'completed')
  ORDER BY t.id LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED""",
    to="'pending'",
    sets="run_after = greatest(t.run_after, now())",
    actor="'WATCHDOG'",
    reason="'every dependency has completed'",
)
_EXPIRE = Divisible(
    """
  SELECT t.id, t.status AS was FROM governance_tasks t
  WHERE t.status IN ('pending', 'parked', 'waiting_approval') AND t.deadline IS NOT NULL
    AND t.deadline <= now()
  """,
    to="'failed'",
    sets=f"error_message = 'its deadline passed before it could run', failure = {failure('deadline')},"
    f" dead_letter_id = {NEW_LETTER}, {ENDED}",
    actor="'WATCHDOG'",
    reason="error_message",
    letters=INSERT_LETTERS,
)


def release_dependents(*, after: Sequence[UUID] | None = None, limit: int = 1000) -> list[Transition]:
    """parked → pending once every dependency has completed; `after` names tasks that just did."""
    return moved(_RELEASE, after=None if after is None else [str(task) for task in after], limit=limit)


def expire(*, limit: int = 1000) -> list[Transition]:
    """pending, parked, waiting_approval → failed: the deadline has passed."""
    return _EXPIRE.moved(limit=limit)
