"""Where a task stands among those that made it and those it made."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

# Parents are followed so far: nothing makes a longer line, and a ring made by hand must end somewhere.
MAX_LINE = 100

_PLACE = """
WITH RECURSIVE line AS (
  SELECT id, parent_id, 0 AS depth FROM governance_tasks WHERE id = %(task)s::uuid
  UNION ALL
  SELECT t.id, t.parent_id, line.depth + 1 FROM governance_tasks t JOIN line ON t.id = line.parent_id
  WHERE line.depth < %(most)s)
SELECT id, depth FROM line ORDER BY depth DESC LIMIT 1"""
_COUNT = """
WITH RECURSIVE tree AS (
  SELECT id, 0 AS depth FROM governance_tasks WHERE id = %(root)s::uuid
  UNION ALL
  SELECT t.id, tree.depth + 1 FROM governance_tasks t JOIN tree ON t.parent_id = tree.id
  WHERE tree.depth < %(most)s)
SELECT count(*) - 1 FROM (SELECT FROM tree LIMIT %(enough)s) found"""
_CHILDREN = "SELECT count(*) FROM governance_tasks WHERE parent_id = %(task)s::uuid"


@dataclass(frozen=True, slots=True)
class TreePosition:
    """`root` is the first of the line (the task itself, if nobody made it), `depth` how far it is away."""

    root: UUID
    depth: int


def position(task_id: UUID) -> TreePosition:
    """Where the task stands; one that is not there stands alone."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, {"task": str(task_id), "most": MAX_LINE})
        found = cursor.fetchone()
    return TreePosition(*found) if found else TreePosition(task_id, 0)


def children(task_id: UUID) -> int:
    """How many tasks name this one as their parent."""
    return _one(_CHILDREN, task=str(task_id))


def descendants(root: UUID, *, enough: int) -> int:
    """How many tasks stand below this one; not counted beyond `enough`."""
    return _one(_COUNT, root=str(root), most=MAX_LINE, enough=enough + 1)


def _one(sql: str, **parameters: str | int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        count: int = cursor.fetchone()[0]
    return count
