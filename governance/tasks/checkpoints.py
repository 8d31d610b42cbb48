"""Steps: what a task has finished, stored as it ends, read when it goes on.

A step is written under the lease of who made it. A call is known by its key (`turn 3 call 1`), which its
row in `tool_executions` has, too: a call that was begun and is no finished step has an unknown outcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from governance.db import strict_json
from governance.models import TaskStep, ToolExecution

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """`cost_usd` is what it cost, `seconds` how long it took. See `TaskStep`."""

    turn: int
    call: int
    kind: str
    content: Mapping[str, Any]
    name: str = ""
    execution_id: UUID | None = None
    cost_usd: Decimal = field(default=Decimal(0))
    seconds: float = 0.0


_KEEP = """
INSERT INTO task_steps (task_id, turn, call, kind, name, content, execution_id, cost_usd, seconds, attempt)
SELECT id, %(turn)s, %(call)s, %(kind)s, %(name)s, %(content)s::jsonb, %(execution_id)s::uuid, %(cost_usd)s,
       %(seconds)s, attempts
FROM governance_tasks
WHERE id = %(task)s::uuid AND status = 'in_progress' AND lease_token = %(token)s
ON CONFLICT (task_id, turn, call) DO NOTHING"""


def key(turn: int, call: int) -> str:
    """The name of a call in `tool_executions.call_key`."""
    return f"turn {turn} call {call}"


def save(task_id: UUID, step: Checkpoint, *, lease_token: int) -> bool:
    """Store a finished step; False if the task is not held under this lease, or the step is stored already.

    Raises `ValueError` for content of more than `MAX_BYTES`.
    """
    content = storable(step.content)
    if len(content) > MAX_BYTES:
        raise ValueError(f"a step has {len(content)} bytes; at most {MAX_BYTES} can be stored")
    facts: dict[str, Any] = {name: getattr(step, name) for name in Checkpoint.__slots__}
    facts |= {"content": content.decode(), "task": str(task_id), "token": lease_token}
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, facts)
        return bool(cursor.rowcount)


def reset_crash_count(task_id: UUID, *, lease_token: int) -> bool:
    """The task has finished a step, and its process lives: crashes before that are not counted against what
    it does next. False if somebody else is about to write the row: the next step does it then."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGIVE, {"task": str(task_id), "token": lease_token})
        return bool(cursor.rowcount)


# Whoever books holds the windows of budgets; waiting for a task's row as well could be a circle.
_FORGIVE = """
UPDATE governance_tasks SET crash_attempts = 0
WHERE id = (SELECT id FROM governance_tasks
            WHERE id = %(task)s::uuid AND status = 'in_progress' AND lease_token = %(token)s
            FOR NO KEY UPDATE SKIP LOCKED)"""


def load(task_id: UUID) -> list[Checkpoint]:
    """The steps of a task in the order of its turns, a turn's stop before its answer."""
    rows = TaskStep.objects.filter(task=task_id).order_by("turn", "call")
    return [Checkpoint(**{name: getattr(row, name) for name in Checkpoint.__slots__}) for row in rows]


def started_calls(task_id: UUID) -> dict[str, list[UUID]]:
    """The calls of a task that were sent, by key. If such a call is no finished step, nobody
    knows what came of it."""
    rows = ToolExecution.objects.filter(task_id=task_id, ends_by__isnull=False).exclude(call_key="")
    found: dict[str, list[UUID]] = {}
    for name, execution_id in rows.values_list("call_key", "id"):
        found.setdefault(name, []).append(execution_id)
    return found


def storable(content: object) -> bytes:
    """JSON text that PostgreSQL can store: models and tools may say U+0000 and halves of surrogate pairs."""
    return orjson.dumps(_clean(content))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return strict_json.storable(value)
    if isinstance(value, Mapping):
        return {_clean(str(name)): _clean(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_clean(inner) for inner in value]
    return value
