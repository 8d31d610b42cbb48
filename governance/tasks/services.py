"""The verbs of tasks: submit, cancel, terminate, retry. API, admin and commands call only these."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from governance.access.actors import Actor
from governance.db import notifications
from governance.db.prepared_statements import Prepared
from governance.errors import (
    FieldError,
    IdempotencyMismatch,
    InvalidSubmission,
    TaskNotFound,
    TransitionConflict,
)
from governance.models import Task
from governance.models.task import TERMINAL
from governance.models.worker import includes
from governance.tasks import registry as task_types
from governance.tasks import transitions
from governance.tasks.schemas import Submission
from governance.tasks.transitions import DEPENDENCIES
from governance.tasks.transitions.types import Transition

# How many tasks a verb moves in one transaction.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the submitter gets back: the task as it was created, and whether an earlier submission had
    made it. Nothing in it ever changes, so that a replay can be given the same answer."""

    id: UUID
    status: str
    worker_id: str
    created_at: datetime
    is_replay: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb did to a set of tasks: those it moved, with the state they are in now, and those it
    could not move, with the state found. Ids that no task has are in neither."""

    moved: dict[UUID, str]
    skipped: dict[UUID, str]


# Ids are made first, so that what is returned stands in the order of what was asked. Keys are taken in
# one order by everybody, so that two submissions of the same keys wait for, not lock, one another.
_CREATE = Prepared(
    "create",
    """
WITH asked AS MATERIALIZED (
  SELECT juggernaut_uuid7() AS id, a.*
  FROM json_to_recordset(%(asked)s) AS a(
    n int, title text, task_type text, payload jsonb, priority smallint, status text, waiting_for text,
    assigned_worker text, max_attempts int, timeout_seconds int, run_after timestamptz,
    deadline timestamptz, parent_id uuid, max_cost_usd numeric, idempotency_key text, digest text)),
created AS (
  INSERT INTO governance_tasks (id, title, task_type, payload, priority, status, waiting_for,
    assigned_worker, max_attempts, timeout_seconds, run_after, deadline, parent_id, max_cost_usd,
    idempotency_key, submission_digest, created_by)
  SELECT id, title, task_type, payload, priority, status, waiting_for, assigned_worker, max_attempts,
    timeout_seconds, coalesce(run_after, now()), deadline, parent_id, max_cost_usd, idempotency_key,
    digest, %(actor)s
  FROM asked ORDER BY idempotency_key NULLS FIRST, n
  ON CONFLICT (created_by, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
  RETURNING id, created_at)
SELECT asked.n, asked.id, asked.status, asked.assigned_worker, created.created_at
FROM asked JOIN created USING (id)""",
    asked="json",
    actor="text",
)

# The state that the first answer told: the one its creation event holds. Where the history has been pruned,
# it is told from the dependencies, which stay with the task: it was parked if one had not completed by then.
_EARLIER = """
SELECT t.idempotency_key, t.submission_digest, t.id, coalesce(e.to_status, CASE WHEN EXISTS (
    SELECT 1 FROM task_dependencies d JOIN governance_tasks o ON o.id = d.depends_on_id
    WHERE d.task_id = t.id AND (o.status <> 'completed' OR o.completed_at > t.created_at))
  THEN 'parked' ELSE 'pending' END), t.assigned_worker, t.created_at
FROM governance_tasks t LEFT JOIN task_events e ON e.task_id = t.id AND e.seq = 0
WHERE t.created_by = %(actor)s AND t.idempotency_key = ANY(%(keys)s)"""


def submit(submissions: Sequence[Submission], *, actor: Actor) -> list[Receipt]:
    """Create these tasks in one transaction, all or none, and wake their workers.

    A submission whose idempotency key this actor used before creates nothing and gets the earlier
    task's receipt. Raises `InvalidSubmission` (unknown worker, parent or dependency; its errors carry
    the index when there are several tasks), `IdempotencyMismatch` or `Forbidden`.
    """
    actor.require("governance.add_task")
    workers = workers_of(submissions)
    with transaction.atomic():
        unmet = _lock_dependencies(submissions)
        rows = [
            row(n, s, workers[n], waits_for="" if unmet.isdisjoint(s.depends_on) else DEPENDENCIES)
            for n, s in enumerate(submissions)
        ]
        receipts = _insert(rows, submissions, actor)
        _link(receipts, submissions)
        notifications.notify_workers(workers[n] for n, receipt in receipts.items() if not receipt.is_replay)
    return [receipts[n] for n in range(len(submissions))]


def cancel(ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    """End live tasks as `cancelled`; needs `governance.cancel_task`. Ended tasks are skipped."""
    actor.require("governance.cancel_task")
    return apply(transitions.cancel, ids, actor, reason)


def terminate(ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    """End live tasks as `failed` with this reason; needs `governance.terminate_task`."""
    actor.require("governance.terminate_task")
    return apply(transitions.terminate, ids, actor, reason)


def retry(ids: Sequence[UUID], *, actor: Actor, reason: str) -> Outcome:
    """Give failed and cancelled tasks fresh attempts; needs `governance.retry_task`."""
    actor.require("governance.retry_task")
    return apply(transitions.retry, ids, actor, reason)


def one(verb: Any, task_id: UUID, *, actor: Actor, reason: str) -> str:
    """Apply a verb to one task and return its new state; raises `TaskNotFound`, or `TransitionConflict`
    with the state found."""
    outcome: Outcome = verb([task_id], actor=actor, reason=reason)
    if outcome.moved:
        return outcome.moved[task_id]
    if task_id not in outcome.skipped:
        raise TaskNotFound(task_id)
    raise TransitionConflict(task_id, verb.__name__, outcome.skipped[task_id])


def apply(edge: Any, ids: Sequence[UUID], actor: Actor, reason: str) -> Outcome:
    """Move these tasks along an edge of `transitions`, a batch in a transaction, and tell the workers.

    In batches because a statement that moves thousands of dead letters takes more than its share.
    """
    moved: list[Transition] = []
    for begin in range(0, len(ids), BATCH):
        with transaction.atomic():
            batch: list[Transition] = edge(ids[begin : begin + BATCH], actor=actor.name, reason=reason)
            _tell(batch)
        moved += batch
    gone = {task.id for task in moved}
    left = [task_id for task_id in ids if task_id not in gone]
    skipped = dict(Task.objects.filter(pk__in=left).values_list("pk", "status")) if left else {}
    return Outcome(moved={task.id: task.status for task in moved}, skipped=skipped)


def _tell(moved: Sequence[Transition]) -> None:
    if any(task.was == Task.Status.IN_PROGRESS for task in moved):
        notifications.notify_stop()
    notifications.notify_workers(task.worker_id for task in moved if task.status == Task.Status.PENDING)
    if ended := [task.id for task in moved if task.status in TERMINAL]:
        transaction.on_commit(lambda: wake_workflows(ended), robust=True)


def wake_workflows(ended: Sequence[UUID]) -> None:
    """Let the workflows go on that waited for these steps; what is missed, the watchdog's sweep finds."""
    notifications.notify_workers(task.worker_id for task in transitions.wake_workflows(after=ended))


def workers_of(submissions: Sequence[Submission]) -> list[str]:
    """Who gets each task: the named worker, or its type's. Raises `InvalidSubmission` for one that does not
    exist or cannot run the type."""
    known = _capabilities()
    chosen, errors = [], []
    for n, submission in enumerate(submissions):
        worker_id = submission.assigned_worker or task_types.get(submission.task_type).worker
        if worker_id not in known:
            errors.append(_error(n, submissions, "assigned_worker", _unknown_worker(worker_id, list(known))))
        elif not includes(known[worker_id], submission.task_type):
            errors.append(
                _error(n, submissions, "assigned_worker", f"{worker_id} cannot run {submission.task_type!r}")
            )
        chosen.append(worker_id)
    if errors:
        raise InvalidSubmission(errors)
    return chosen


def _capabilities() -> dict[str, list[str]]:
    """By worker. Plain SQL, because every submission asks: models would cost a tenth of the call."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT worker_id, capabilities FROM worker_registry")
        return dict(cursor.fetchall())


def _unknown_worker(worker_id: str, known: list[str]) -> str:
    return f"unknown worker {worker_id!r}; expected one of: {', '.join(sorted(known))}"


def _lock_dependencies(submissions: Sequence[Submission]) -> set[UUID]:
    """Ids named as dependencies that have not completed. Parents and dependencies must exist.

    The share lock makes a dependency that completes at this moment wait for our commit, so that its
    completion sees the new dependent and releases it.
    """
    named = {d for s in submissions for d in s.depends_on} | {s.parent for s in submissions if s.parent}
    if not named:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, status FROM governance_tasks WHERE id = ANY(%s::uuid[]) ORDER BY id FOR SHARE",
            [[str(task_id) for task_id in named]],
        )
        found = dict(cursor.fetchall())
    _refuse_unknown(submissions, found)
    return {task_id for task_id, status in found.items() if status != Task.Status.COMPLETED}


def _refuse_unknown(submissions: Sequence[Submission], found: dict[UUID, str]) -> None:
    errors = []
    for n, submission in enumerate(submissions):
        if submission.parent and submission.parent not in found:
            errors.append(_error(n, submissions, "parent", f"no task has the id {submission.parent}"))
        errors += [
            _error(n, submissions, "depends_on", f"no task has the id {task_id}")
            for task_id in submission.depends_on
            if task_id not in found
        ]
    if errors:
        raise InvalidSubmission(errors)


def _error(n: int, submissions: Sequence[Submission], field: str, message: str) -> FieldError:
    return FieldError(field, message, index=n if len(submissions) > 1 else None)


def row(n: int, submission: Submission, worker_id: str, *, waits_for: str = "") -> dict[str, object]:
    """A task as `insert` takes it, numbered; parked if it waits for something."""
    kind = task_types.get(submission.task_type)
    return {
        "n": n,
        "title": submission.title,
        "task_type": submission.task_type,
        "payload": submission.payload,
        "priority": submission.priority,
        "status": Task.Status.PARKED if waits_for else Task.Status.PENDING,
        "waiting_for": waits_for,
        "assigned_worker": worker_id,
        "max_attempts": submission.max_attempts or kind.max_attempts,
        "timeout_seconds": submission.timeout_seconds or kind.timeout_seconds,
        "run_after": submission.run_after,
        "deadline": submission.deadline,
        "parent_id": submission.parent,
        "max_cost_usd": None if submission.max_cost_usd is None else str(submission.max_cost_usd),
        "idempotency_key": submission.idempotency_key,
        "digest": submission.digest if submission.idempotency_key else "",
    }


def insert(rows: Sequence[dict[str, object]], *, created_by: str) -> dict[int, Receipt]:
    """Create the tasks of these rows. A number that is missing had an idempotency key that was used."""
    created = _CREATE.run({"asked": orjson.dumps(rows).decode(), "actor": created_by})
    return {n: Receipt(*receipt) for n, *receipt in created}


def _insert(
    rows: list[dict[str, object]], submissions: Sequence[Submission], actor: Actor
) -> dict[int, Receipt]:
    receipts = insert(rows, created_by=actor.name)
    replayed = [n for n in range(len(rows)) if n not in receipts]
    return receipts | (_replays(replayed, submissions, actor) if replayed else {})


def _replays(numbers: list[int], submissions: Sequence[Submission], actor: Actor) -> dict[int, Receipt]:
    keys = [submissions[n].idempotency_key or "" for n in numbers]
    with connection.cursor() as cursor:
        cursor.execute(_EARLIER, {"actor": actor.name, "keys": keys})
        earlier = {key: (digest, created) for key, digest, *created in cursor.fetchall()}
    receipts = {}
    for n, key in zip(numbers, keys, strict=True):
        digest, created = earlier[key]
        if digest != submissions[n].digest:
            raise IdempotencyMismatch(key)
        receipts[n] = replace(Receipt(*created), is_replay=True)
    return receipts


def _link(receipts: dict[int, Receipt], submissions: Sequence[Submission]) -> None:
    link(
        [
            (receipts[n].id, task_id)
            for n, submission in enumerate(submissions)
            if not receipts[n].is_replay
            for task_id in dict.fromkeys(submission.depends_on)
        ]
    )


def link(edges: Sequence[tuple[UUID, UUID]]) -> None:
    """Keep which task (first) starts only after which other (second)."""
    if edges:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO task_dependencies (task_id, depends_on_id)"
                " SELECT * FROM unnest(%s::uuid[], %s::uuid[])",
                [[str(task) for task, _ in edges], [str(dependency) for _, dependency in edges]],
            )
