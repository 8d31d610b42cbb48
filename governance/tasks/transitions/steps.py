"""Steps of workflows, and the workflows that wait for them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from governance.db import strict_json
from governance.db.prepared_statements import Prepared
from governance.tasks.transitions.sql.dead_letters import INSERT_LETTERS, NEW_LETTER
from governance.tasks.transitions.sql.edges import ENDED, edge, moved
from governance.tasks.transitions.types import Transition

# ruff: noqa: S608 (statements are put together from constants; values are parameters)

# What a step waits for that its workflow releases; others wait for their dependencies, as any task may.
INPUTS = "inputs"
_ENDED_BADLY = "IN ('failed', 'cancelled')"
_LIVE = "('pending', 'in_progress', 'parked', 'waiting_approval')"

_GIVEN = """
  SELECT t.id, t.status AS was, g.said FROM json_to_recordset(%(given)s) AS g(id uuid, said {kind})
  JOIN governance_tasks t ON t.id = g.id AND t.status = 'parked'
  ORDER BY t.id FOR UPDATE OF t"""

_FEED = edge(
    picked=_GIVEN.format(kind="jsonb"),
    to="'pending'",
    sets="payload = coalesce(picked.said, t.payload), run_after = greatest(t.run_after, now())",
    actor="%(actor)s",
    reason="'its inputs are there'",
)
_REFUSE = edge(
    picked=_GIVEN.format(kind="text"),
    to="'failed'",
    sets=f"""error_message = picked.said,
      failure = '{{"cause": "permanent", "error_class": "BadInput"}}'::jsonb,
      dead_letter_id = {NEW_LETTER}, {ENDED}""",
    actor="%(actor)s",
    reason="error_message",
    letters=INSERT_LETTERS,
)
_SKIP = edge(
    picked=_GIVEN.format(kind="text"),
    to="'cancelled'",
    sets=f"error_message = picked.said, {ENDED}",
    actor="%(actor)s",
    reason="error_message",
)

_CHILD = """EXISTS (
      SELECT FROM workflow_steps s JOIN governance_tasks c ON c.id = s.task_id
      WHERE s.workflow_id = w.id AND {which})"""
_BEFORE = """EXISTS (
        SELECT FROM task_dependencies d JOIN governance_tasks p ON p.id = d.depends_on_id
        WHERE d.task_id = c.id AND p.status {is_so})"""
_HAS_ENDED = f"NOT {_CHILD.format(which=f'c.status IN {_LIVE}')}"
_HAS_FAILED = _CHILD.format(
    which="c.status IN ('failed', 'cancelled') AND s.on_failure IN ('fail', 'retry') AND NOT s.is_skipped"
)
_CAN_FEED = _CHILD.format(
    which=f"c.status = 'parked' AND c.waiting_for = '{INPUTS}' AND NOT {_BEFORE.format(is_so=f'IN {_LIVE}')}"
)
_MUST_SKIP = _CHILD.format(
    which=f"c.status = 'parked' AND c.waiting_for <> '{INPUTS}' AND {_BEFORE.format(is_so=_ENDED_BADLY)}"
)
_CAN_GO_ON = f"({_HAS_ENDED} OR {_HAS_FAILED} OR {_CAN_FEED} OR {_MUST_SKIP})"


def _waking(name: str, which: str, **types: str) -> Prepared:
    picked = f"""
  SELECT w.id, w.status AS was FROM governance_tasks w
  WHERE {which} AND w.status = 'parked' AND w.wait IS NOT NULL AND w.wait ->> 'kind' = 'children'
    AND {_CAN_GO_ON}
  ORDER BY w.id LIMIT %(most)s FOR UPDATE OF w SKIP LOCKED"""
    reason = "'its steps have come so far that it can go on'"
    return Prepared(
        name,
        edge(picked=picked, to="'pending'", sets="run_after = now()", actor="'WATCHDOG'", reason=reason),
        most="int",
        **types,
    )


# The array keeps the planner on the primary key: what is parked for other causes may be a great deal.
_WAKE_AFTER = _waking(
    "wake_after",
    """w.id = ANY(ARRAY(SELECT unnest(%(after)s)
                         UNION SELECT workflow_id FROM workflow_steps WHERE task_id = ANY(%(after)s)))""",
    after="uuid[]",
)
_WAKE_ALL = _waking("wake_all", "true")


def set_inputs(payloads: Mapping[UUID, Any], *, actor: str) -> list[Transition]:
    """parked → pending for steps whose inputs are known, with their payloads; None leaves one as it is."""
    return _given(_FEED, payloads, actor)


def refuse(errors: Mapping[UUID, str], *, actor: str) -> list[Transition]:
    """parked → failed for steps that cannot get their inputs, each with its error and a dead letter."""
    return _given(_REFUSE, errors, actor)


def skip(reasons: Mapping[UUID, str], *, actor: str) -> list[Transition]:
    """parked → cancelled for steps that will not be run because of a step before them."""
    return _given(_SKIP, reasons, actor)


def wake_workflows(*, after: Sequence[UUID] | None = None, limit: int = 1000) -> list[Transition]:
    """parked → pending for workflows that can go on: a step can be fed, must be skipped, has failed it, or
    all have ended. `after` names steps that just ended, or workflows that were just parked."""
    if after is None:
        return [Transition(*row) for row in _WAKE_ALL.run({"most": limit})]
    return [
        Transition(*row) for row in _WAKE_AFTER.run({"after": [str(task) for task in after], "most": limit})
    ]


def _given(statement: str, said: Mapping[UUID, Any], actor: str) -> list[Transition]:
    if not said:
        return []
    given = strict_json.dumps([{"id": str(task), "said": what} for task, what in said.items()])
    return moved(statement, given=given, actor=actor)
