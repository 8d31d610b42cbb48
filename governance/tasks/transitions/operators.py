"""Transitions by operators: cancel, terminate, move to the dead letters, retry."""

from collections.abc import Sequence
from uuid import UUID

from governance.tasks.transitions.sql.dead_letters import INSERT_LETTERS, NEW_LETTER
from governance.tasks.transitions.sql.edges import ENDED, edge, failure, in_states, moved
from governance.tasks.transitions.steps import INPUTS
from governance.tasks.transitions.types import Transition
from governance.tasks.transitions.waiting import DEPENDENCIES

# ruff: noqa: S608 (statements are put together from constants; values are parameters)

_LIVE = in_states("pending", "in_progress", "parked", "waiting_approval")
_BY_ACTOR = {"actor": "%(actor)s", "reason": "%(reason)s"}
_CANCEL = edge(picked=_LIVE, to="'cancelled'", sets=f"error_message = %(reason)s, {ENDED}", **_BY_ACTOR)
_TERMINATE = edge(picked=_LIVE, to="'failed'", sets=f"error_message = %(reason)s, {ENDED}", **_BY_ACTOR)
_DEAD_LETTER = edge(
    picked=_LIVE,
    to="'failed'",
    sets=f"error_message = %(reason)s, failure = {failure('operator')},"
    f" dead_letter_id = {NEW_LETTER}, {ENDED}",
    letters=INSERT_LETTERS,
    **_BY_ACTOR,
)
_UNMET = """EXISTS (SELECT FROM task_dependencies d JOIN governance_tasks p ON p.id = d.depends_on_id
                     WHERE d.task_id = t.id AND p.status <> 'completed')"""
# A step whose inputs were filled in runs with them, whatever became of the steps that they came from.
_WAITS_FOR = f"""coalesce((SELECT CASE WHEN s.is_fed THEN '' ELSE '{INPUTS}' END
                FROM workflow_steps s WHERE s.task_id = t.id AND s.needs_inputs),
               CASE WHEN {_UNMET} THEN '{DEPENDENCIES}' ELSE '' END)"""
_RETRY = edge(
    picked=in_states("failed", "cancelled"),
    to=f"CASE WHEN {_WAITS_FOR} <> '' THEN 'parked' ELSE 'pending' END",
    waits=f"waiting_for = {_WAITS_FOR}, wait = NULL",
    sets="""error_attempts = 0, crash_attempts = 0, run_after = now(), result = NULL, error_message = '',
      failure = NULL, completed_at = NULL, deadline = CASE WHEN t.deadline > now() THEN t.deadline END""",
    **_BY_ACTOR,
)


def cancel(ids: Sequence[UUID], *, actor: str, reason: str) -> list[Transition]:
    """Any live state → cancelled. A worker that runs the task stops at its next step or heartbeat."""
    return _by_operator(_CANCEL, ids, actor, reason)


def terminate(ids: Sequence[UUID], *, actor: str, reason: str) -> list[Transition]:
    """Any live state → failed, with the reason as its error. Reaches the running worker like `cancel`."""
    return _by_operator(_TERMINATE, ids, actor, reason)


def dead_letter(ids: Sequence[UUID], *, actor: str, reason: str) -> list[Transition]:
    """Any live state → failed with a dead letter: an operator wants a person to look at it."""
    return _by_operator(_DEAD_LETTER, ids, actor, reason)


def retry(ids: Sequence[UUID], *, actor: str, reason: str) -> list[Transition]:
    """failed, cancelled → pending (or parked for its dependencies or inputs) with fresh attempts.

    A deadline that has passed is lifted: whoever retries wants the task to run.
    """
    return _by_operator(_RETRY, ids, actor, reason)


def _by_operator(statement: str, ids: Sequence[UUID], actor: str, reason: str) -> list[Transition]:
    return moved(statement, ids=[str(task) for task in ids], actor=actor, reason=reason)
