"""Tasks: a task goes with all that descends from it and all that is part of it, or not at all."""

# ruff: noqa: S608 (statements are put together from constants; values are parameters)

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from governance.models.retention import PARTS
from governance.retention.batches import Keys, remove
from governance.retention.rules import Cutoffs

COMPLETED, FAILED, CANCELLED = "completed tasks", "failed tasks", "cancelled tasks"
LETTERS = "resolved letters"
RULES = (COMPLETED, FAILED, CANCELLED, *PARTS)

_ENDED = "t.status IN ('completed', 'failed', 'cancelled')"
_OLD = """coalesce(t.completed_at < CASE t.status
    WHEN 'completed' THEN %(completed)s::timestamptz
    WHEN 'failed' THEN %(failed)s::timestamptz
    WHEN 'cancelled' THEN %(cancelled)s::timestamptz END, false)"""

# A tree stays whole for the sake of one of its members: a workflow that is retried reads what its steps
# brought, an open letter is answered by looking at its task, and whoever waits for a task asks how it ended.
# Scalar subqueries, not EXISTS: for many tasks the planner would answer that by reading all letters and
# edges once, for each window anew.
_STAYS = f"""NOT {_OLD} OR t.dead_letter_id IS NOT NULL
  OR (SELECT true FROM dead_letter_queue l WHERE l.task_id = t.id
      AND (l.status <> 'resolved' OR coalesce(l.resolved_at >= %(letters)s::timestamptz, true)) LIMIT 1)
  OR (SELECT true FROM budget_holds h WHERE h.task_id = t.id AND h.state = 'open' LIMIT 1)
  OR (SELECT true FROM task_dependencies d JOIN governance_tasks w ON w.id = d.task_id
      WHERE d.depends_on_id = t.id AND w.status <> 'completed'
        AND NOT EXISTS (SELECT FROM trees o WHERE o.root = m.root AND o.id = w.id) LIMIT 1)"""

_TREES = f"""
WITH RECURSIVE roots AS MATERIALIZED (
  SELECT t.id FROM governance_tasks t
  WHERE t.id = ANY(%(keys)s::uuid[]) AND t.parent_id IS NULL AND {_OLD}),
trees(root, id) AS (
  SELECT id, id FROM roots
  UNION
  SELECT trees.root, c.id FROM trees JOIN governance_tasks c ON c.parent_id = trees.id),
kept AS MATERIALIZED (
  SELECT DISTINCT m.root FROM trees m JOIN governance_tasks t ON t.id = m.id WHERE {_STAYS})
SELECT root, id FROM trees WHERE root NOT IN (SELECT root FROM kept)"""

# Whoever retries one of them at this moment holds its row, or waits for us and finds it gone.
_LOCKED = f"""
SELECT t.id FROM governance_tasks t
WHERE t.id = ANY(%(ids)s::uuid[]) AND {_OLD} AND t.dead_letter_id IS NULL
ORDER BY t.id FOR UPDATE SKIP LOCKED"""

# From the leaves to the task itself. Letters late: whoever deletes letters holds one lock for all groups.
_BELONGINGS = (
    *(f"FROM {table} r WHERE r.task_id = ANY(%(ids)s::uuid[])" for table in PARTS.values()),
    "FROM workflow_steps r WHERE r.task_id = ANY(%(ids)s::uuid[]) OR r.workflow_id = ANY(%(ids)s::uuid[])",
    "FROM task_dependencies r WHERE r.task_id = ANY(%(ids)s::uuid[])"
    " OR r.depends_on_id = ANY(%(ids)s::uuid[])",
    "FROM budget_windows r WHERE r.kind = 'task' AND r.scope = ANY(%(scopes)s)",
    "FROM dead_letter_queue r WHERE r.task_id = ANY(%(ids)s::uuid[])",
    "FROM governance_tasks r WHERE r.id = ANY(%(ids)s::uuid[])",
)  # fmt: skip

_PART = f"""FROM {{table}} r WHERE r.task_id IN (
  SELECT t.id FROM governance_tasks t
  WHERE t.id = ANY(%(keys)s::uuid[]) AND {_ENDED} AND t.dead_letter_id IS NULL
    AND t.completed_at < %(before)s)"""


def eligible_subtrees(keys: Keys, cutoffs: Cutoffs, is_dry: bool) -> Counter[str]:
    """Remove whole trees whose roots are among these tasks, and older parts of those that stay."""
    ids = [str(key) for key in keys]
    gone = _gone(ids, cutoffs, is_dry)
    found = _belongings(gone, is_dry)
    return found + _parts([key for key in ids if key not in set(gone)], cutoffs, is_dry)


def _gone(ids: list[str], cutoffs: Cutoffs, is_dry: bool) -> list[str]:
    ages = {
        "completed": cutoffs[COMPLETED],
        "failed": cutoffs[FAILED],
        "cancelled": cutoffs[CANCELLED],
        "letters": cutoffs[LETTERS],
    }
    trees: dict[UUID, list[UUID]] = defaultdict(list)
    for root, member in _rows(_TREES, {"keys": ids, **ages}):
        trees[root].append(member)
    members = [str(member) for tree in trees.values() for member in tree]
    if is_dry or not members:
        return members
    locked = {row[0] for row in _rows(_LOCKED, {"ids": members, **ages})}
    return [str(m) for tree in trees.values() if locked.issuperset(tree) for m in tree]


def _belongings(gone: Sequence[str], is_dry: bool) -> Counter[str]:
    facts = {"ids": list(gone), "scopes": [f"task:{task}" for task in gone]}
    if not gone:
        return Counter()
    return Counter({_table(chosen): remove(chosen, facts, is_dry=is_dry) for chosen in _BELONGINGS})


def _parts(staying: list[str], cutoffs: Cutoffs, is_dry: bool) -> Counter[str]:
    """What is part of a task and has a shorter life than the task."""
    found: Counter[str] = Counter()
    for rule, table in PARTS.items():
        if before := cutoffs[rule]:
            facts = {"keys": staying, "before": before}
            found[table] += remove(_PART.format(table=table), facts, is_dry=is_dry)
    return found


def _table(chosen: str) -> str:
    return chosen.split()[1]


def _rows(statement: str, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, facts)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
