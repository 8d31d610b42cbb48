"""Where a task belongs: the tasks above it, and the tree of those below it, each with its state."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from governance.models import Task

# ruff: noqa: S608 (statements are put together from constants; values are parameters)

SHOWN = 200
LEVELS = 5
COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Node:
    """A task of the tree. `step` is its name in its workflow, if it is a step; `level` counts from 1."""

    id: UUID
    title: str
    step: str
    status: str
    level: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Tree:
    """What is below a task: the first of it, and how many of all its own children stand how."""

    nodes: list[Node]
    counts: list[tuple[str, int]]
    is_cut: bool


# A skipped step is told as that: nobody cancelled it.
_STATE = "CASE WHEN t.status = 'cancelled' AND s.is_skipped THEN 'skipped' ELSE t.status END"

_ABOVE = f"""
WITH RECURSIVE line AS (
  SELECT parent_id AS id, 1 AS level FROM governance_tasks WHERE id = %(task)s
  UNION ALL
  SELECT t.parent_id, l.level + 1 FROM line l JOIN governance_tasks t ON t.id = l.id WHERE l.level < 20)
SELECT t.id, coalesce(nullif(t.title, ''), t.task_type), coalesce(s.name, ''), {_STATE}, line.level,
  t.created_at
FROM line JOIN governance_tasks t ON t.id = line.id LEFT JOIN workflow_steps s ON s.task_id = t.id
ORDER BY line.level DESC"""

# Steps as they were written, then other children as they were made.
_PLACE = "coalesce(lpad(s.position::text, 6, '0'), 'x') || t.id::text"

_BELOW = f"""
WITH RECURSIVE tree AS (
  (SELECT t.id, 1 AS level, ARRAY[{_PLACE}] AS way
   FROM governance_tasks t LEFT JOIN workflow_steps s ON s.task_id = t.id
   WHERE t.parent_id = %(task)s ORDER BY s.position, t.id LIMIT %(most)s)
  UNION ALL
  SELECT t.id, tree.level + 1, tree.way || {_PLACE}
  FROM tree JOIN governance_tasks t ON t.parent_id = tree.id LEFT JOIN workflow_steps s ON s.task_id = t.id
  WHERE tree.level < %(levels)s)
SELECT t.id, coalesce(nullif(t.title, ''), t.task_type), coalesce(s.name, ''), {_STATE}, found.level,
  t.created_at
FROM (SELECT * FROM tree ORDER BY way LIMIT %(most)s) found
JOIN governance_tasks t ON t.id = found.id LEFT JOIN workflow_steps s ON s.task_id = t.id
ORDER BY found.way"""


def above(task: Task) -> list[Node]:
    """Its parent, the parent's parent and so on, the topmost first."""
    return _nodes(_ABOVE, task) if task.parent_id else []


def below(task: Task) -> Tree:
    """The tree below it, `LEVELS` deep and `SHOWN` long at most, in the order in which it was made."""
    nodes = _nodes(_BELOW, task)
    return Tree(nodes[:SHOWN], _counts(task) if nodes else [], is_cut=len(nodes) > SHOWN)


def _counts(task: Task) -> list[tuple[str, int]]:
    """No more than can be children of one workflow are counted: others may have any number."""
    listed = Task.objects.filter(parent=task).values_list("status", flat=True)[:COUNTED]
    return sorted(Counter(listed).items(), key=lambda counted: (-counted[1], counted[0]))


def _nodes(statement: str, task: Task) -> list[Node]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"task": task.pk, "most": SHOWN + 1, "levels": LEVELS})
        return [Node(*row) for row in cursor.fetchall()]
