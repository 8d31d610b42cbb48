"""Advances a redrive step by step, each one transaction under the redrive's lock.

A step settles what has ended, asks the gates, and hands the next letters over. Whoever takes it may be
killed at any point: a step has happened or it has not, and the next one goes on from there.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from governance.db import errors as db_errors
from governance.db import locks, notifications
from governance.tasks import transitions
from reliability.models import Redrive, RedriveItem
from reliability.redrives import gates

logger = logging.getLogger(__name__)

# Letters of one step. While it commits, nobody else can write dead letters: rather more steps than long ones.
BATCH = 200
BATCHES = 50
# Time in which nobody took a step counts up to this: a redrive does not make up for an outage by a flood.
MAX_GAP_SECONDS = 10.0


def advance(now: datetime) -> int:
    """Take a step of every redrive that goes on or waits for outcomes; how many items changed.

    Safe to call from anywhere, at any time, twice at once. A redrive whose step fails stops no other.
    """
    live = Redrive.objects.filter(Q(state=Redrive.State.RUNNING) | Q(handed_over__gt=0))
    return sum(
        advance_one(redrive_id, now) for redrive_id in live.order_by("pk").values_list("pk", flat=True)
    )


def advance_one(redrive_id: UUID, now: datetime) -> int:
    """Take the steps that one redrive can take now; how many items changed. What fails is tried again by
    the next `advance`; only a lost connection raises."""
    try:
        return take(redrive_id, now)
    except Exception as error:
        if db_errors.is_unavailable(error):
            raise
        if locks.is_timeout(error):
            logger.warning("redrive %s waits for rows that somebody has locked", redrive_id)
            return 0
        logger.exception("redrive %s could not go on", redrive_id)
        return 0


def take(redrive_id: UUID, now: datetime) -> int:
    """The same, raising whatever fails."""
    total = 0
    for _ in range(BATCHES):
        changed = _step(redrive_id, now)
        total += changed
        if changed < BATCH:
            break
    return total


@transaction.atomic
def _step(redrive_id: UUID, now: datetime) -> int:
    redrive = Redrive.objects.select_for_update(skip_locked=True).filter(pk=redrive_id).first()
    if redrive is None:
        return 0
    changed = _settle(redrive, now)
    if redrive.state == Redrive.State.RUNNING:
        _earn_credit(redrive, now)
        changed += _pass_gates(redrive, now)
    if redrive.finished_at is None and not redrive.waiting and not redrive.handed_over:
        redrive.state, redrive.finished_at = Redrive.State.COMPLETED, now
    redrive.save()
    return changed


def _pass_gates(redrive: Redrive, now: datetime) -> int:
    if shut := gates.closed(redrive):
        name, why = shut
        logger.warning("redrive %s stopped by %s: %s", redrive.pk, name, why)
        return finish(redrive, Redrive.State.STOPPED, by=name, why=why, now=now)
    while redrive.is_canary and redrive.tried >= redrive.plan[redrive.stage]:
        redrive.stage += 1
    return _hand_over(redrive, now)


# ---------------------------------------------------------------------------------------- settling

# A letter that was retried more often than by this item had failed again before somebody else retried it.
_SETTLE = """
WITH ended AS MATERIALIZED (
  SELECT i.id,
    CASE WHEN l.id IS NULL THEN 'skipped'
         WHEN l.retries > i.retries + 1 OR l.status = 'pending' THEN 'failed'
         WHEN l.outcome = 'completed' THEN 'succeeded'
         WHEN l.failed_at > l.retried_at THEN 'failed'
         ELSE 'skipped' END AS state,
    CASE WHEN l.id IS NULL THEN 'its dead letter was deleted'
         WHEN l.retries > i.retries + 1 THEN 'failed again and was retried by ' || l.retried_by
         WHEN l.status = 'pending' THEN l.failure_reason
         WHEN l.outcome = 'completed' THEN ''
         WHEN l.failed_at > l.retried_at THEN l.failure_reason
         ELSE l.resolution || ' (' || l.resolved_by || ')' END AS why
  FROM redrive_items i LEFT JOIN dead_letter_queue l ON l.id = i.letter_id
  WHERE i.redrive_id = %(redrive)s AND i.state = 'handed_over'
    AND (l.id IS NULL OR l.status <> 'retrying' OR l.retries > i.retries + 1)),
settled AS (
  UPDATE redrive_items i SET state = ended.state, why = ended.why, settled_at = %(now)s
  FROM ended WHERE i.id = ended.id RETURNING i.state)
SELECT state, count(*) FROM settled GROUP BY state"""


def _settle(redrive: Redrive, now: datetime) -> int:
    """Write down what became of the letters that were handed over; how many have ended."""
    ended = dict(_rows(_SETTLE, redrive=redrive.pk, now=now))
    redrive.succeeded += ended.get("succeeded", 0)
    redrive.failed += ended.get("failed", 0)
    redrive.skipped += ended.get("skipped", 0)
    settled: int = sum(ended.values())
    redrive.handed_over -= settled
    return settled


def finish(redrive: Redrive, state: Redrive.State, *, by: str, why: str, now: datetime) -> int:
    """End a redrive early: nothing more is handed over. The caller holds its lock and saves it."""
    waiting = redrive.items.filter(state=RedriveItem.State.WAITING)
    left = waiting.update(state=RedriveItem.State.SKIPPED, why=f"{state}: {why}", settled_at=now)
    redrive.waiting -= left
    redrive.skipped += left
    redrive.state, redrive.stopped_by, redrive.stop_reason, redrive.finished_at = state, by, why, now
    return left


# ------------------------------------------------------------------------------------ handing over

# The next items, with their tasks and letters locked: then nobody else fails, retries or resolves them. What
# somebody else has locked is left to a later step, and holds up no other item.
_NEXT = """
SELECT i.id, i.task_id FROM redrive_items i
JOIN governance_tasks t ON t.id = i.task_id
JOIN dead_letter_queue l ON l.id = i.letter_id
WHERE i.redrive_id = %(redrive)s AND i.state = 'waiting'
ORDER BY i.position LIMIT %(limit)s
FOR UPDATE OF t, l SKIP LOCKED"""

# Items with nothing left to retry.
_GONE = """
SELECT i.id, i.task_id FROM redrive_items i
WHERE i.redrive_id = %(redrive)s AND i.state = 'waiting'
  AND (NOT EXISTS (SELECT FROM governance_tasks t WHERE t.id = i.task_id)
       OR NOT EXISTS (SELECT FROM dead_letter_queue l WHERE l.id = i.letter_id))
ORDER BY i.position LIMIT %(limit)s"""

_OVERTAKEN = """
SELECT i.id, i.task_id,
  CASE WHEN l.id IS NULL THEN 'its dead letter was deleted'
       WHEN l.status = 'resolved' THEN 'already resolved by ' || l.resolved_by
       ELSE 'already retried by ' || l.retried_by END
FROM redrive_items i LEFT JOIN dead_letter_queue l ON l.id = i.letter_id
WHERE i.id = ANY(%(items)s) AND (l.status = 'pending' AND l.retries = i.retries) IS NOT TRUE"""

_HANDED_OVER = """
UPDATE redrive_items SET state = 'handed_over', handed_over_at = %(now)s
WHERE id = ANY(%(items)s) AND task_id = ANY(%(tasks)s) RETURNING id"""

_SKIPPED = """
UPDATE redrive_items i SET state = 'skipped', why = s.why, settled_at = %(now)s
FROM unnest(%(items)s::bigint[], %(whys)s::text[]) AS s(id, why) WHERE i.id = s.id"""


def _earn_credit(redrive: Redrive, now: datetime) -> None:
    elapsed = min((now - redrive.advanced_at).total_seconds(), MAX_GAP_SECONDS)
    if elapsed > 0:
        most = max(1.0, redrive.pace_per_second * MAX_GAP_SECONDS)
        redrive.credit = min(redrive.credit + redrive.pace_per_second * elapsed, most)
        redrive.advanced_at = now


def _hand_over(redrive: Redrive, now: datetime) -> int:
    """Retry the next letters, as many as stage and pace allow; how many items changed."""
    room = redrive.plan[redrive.stage] - redrive.tried - redrive.handed_over
    # What was earned in ten steps of a tenth is one.
    limit = min(room, int(redrive.credit + 1e-9), BATCH)
    picked: dict[int, UUID] = {}
    for statement in (_NEXT, _GONE):
        if left := max(0, limit - len(picked)):
            picked |= dict(_rows(statement, redrive=redrive.pk, limit=left))
    if not picked:
        return 0
    overtaken = _overtaken(picked)
    tasks = [task_id for item, task_id in picked.items() if item not in overtaken]
    moved = transitions.retry(
        tasks, actor=redrive.started_by, reason=f"{redrive.reason} (redrive {redrive.pk})"
    )
    notifications.notify_workers(task.worker_id for task in moved if task.status == "pending")
    _record(redrive, picked, overtaken, [task.id for task in moved], now)
    return len(picked)


def _overtaken(picked: dict[int, UUID]) -> dict[int, str]:
    """Items that others have dealt with since they were frozen, and what those did."""
    return {item: why for item, _, why in _rows(_OVERTAKEN, items=list(picked))}


def _record(
    redrive: Redrive, picked: dict[int, UUID], overtaken: dict[int, str], moved: Sequence[UUID], now: datetime
) -> None:
    handed = {row[0] for row in _rows(_HANDED_OVER, items=list(picked), tasks=list(moved), now=now)}
    skipped = {item: overtaken.get(item, "its task has not failed") for item in picked if item not in handed}
    with connection.cursor() as cursor:
        cursor.execute(_SKIPPED, {"items": list(skipped), "whys": list(skipped.values()), "now": now})
    redrive.started_at = redrive.started_at or now
    redrive.credit = max(0.0, redrive.credit - len(handed))
    redrive.waiting -= len(picked)
    redrive.handed_over += len(handed)
    redrive.skipped += len(skipped)


def _rows(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
