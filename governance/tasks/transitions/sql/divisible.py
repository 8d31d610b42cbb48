"""Edges whose rows may need a lock beside their own: a dead letter is counted in its group's row.

They move all they can at once. If somebody holds one of the other locks, they go row by row instead, for a
bounded time, so that only what needs the lock waits for the next sweep.
"""

import time
from typing import Any

from django.db import OperationalError, transaction

from governance.db import locks
from governance.tasks.transitions.sql.edges import edge, moved, run
from governance.tasks.transitions.types import Transition

# ruff: noqa: S608 (statements are put together from constants; values are parameters)

# A commit holds its group's row for milliseconds. Longer than this holds somebody who is not of ours.
LOCK_SECONDS = 0.5
ONE_LOCK_SECONDS = 0.1
# How long rows are tried one by one.
SINGLY_SECONDS = 1.0


class Divisible:
    """`held` selects `t.id` and `was` of the tasks `t` that the edge moves, and ends with its WHERE."""

    def __init__(self, held: str, **edges: Any) -> None:
        picked = f"{held} AND (%(only)s::uuid IS NULL OR t.id = %(only)s::uuid)"
        self._edge = edge(picked=f"{picked} LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED", **edges)
        # In any order: what is locked must not keep others from their turn.
        self._candidates = f"SELECT id FROM ({held}) held ORDER BY random() LIMIT %(limit)s"

    def moved(self, *, limit: int, **parameters: Any) -> list[Transition]:
        """Move at most `limit` rows; what needs a lock that somebody else holds is left."""
        try:
            return self._move(LOCK_SECONDS, only=None, limit=limit, **parameters)
        except OperationalError as error:
            if not locks.is_timeout(error):
                raise
        return self._move_singly(limit=limit, **parameters)

    def _move_singly(self, *, limit: int, **parameters: Any) -> list[Transition]:
        done: list[Transition] = []
        until = time.monotonic() + SINGLY_SECONDS
        for (task_id,) in run(self._candidates, limit=limit, **parameters):
            if time.monotonic() >= until:
                break
            try:
                done += self._move(ONE_LOCK_SECONDS, only=str(task_id), limit=1, **parameters)
            except OperationalError as error:
                if not locks.is_timeout(error):
                    raise
        return done

    def _move(self, seconds: float, **parameters: Any) -> list[Transition]:
        with locks.wait_at_most(seconds), transaction.atomic():
            return moved(self._edge, **parameters)
