"""The life of a task: every edge between its states. No other code writes `governance_tasks.status`.

Each edge is one function and one statement: it locks the rows it may touch, moves those that stand
where the edge begins, and writes their events in the same transaction. All are set-based. The
engine's edges are fenced by the lease token: whoever lost the lease moves nothing. The diagram is in
`governance.models.task.Task`.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from governance.prepared import Prepared

# ruff: noqa: S608 (the statements are put together from constants of this module; values are parameters)

MAX_CRASHES = 3
SUSPECT_CRASHES = 2
LEASE = timedelta(seconds=8)
GRACE_AFTER_RESTART = LEASE
DEPENDENCIES = "dependencies"


class Claimed(NamedTuple):
    """A task that this process now holds, as the claim found it.

    `payload` is JSON text, `deadline_in` seconds from the claim."""

    id: UUID
    task_type: str
    payload: str
    worker_id: str
    attempt: int
    error_attempts: int
    max_attempts: int
    token: int
    timeout_seconds: int
    deadline_in: float | None
    crash_attempts: int = 0

    @property
    def is_suspect(self) -> bool:
        """Whether two processes have died under it."""
        return self.crash_attempts >= SUSPECT_CRASHES


class Report(NamedTuple):
    """What became of one held task. `result` is JSON text; `delay` is seconds until the next attempt."""

    id: UUID
    token: int
    result: bytes | None = None
    error: str = ""
    delay: float = 0.0


class Moved(NamedTuple):
    """One row that an edge moved."""

    id: UUID
    was: str
    status: str
    worker_id: str


def _edge(*, picked: str, to: str, sets: str = "", actor: str, reason: str, process: str = "NULL") -> str:
    """The statement of one edge: rows of `picked` (id, was, …) become `to`, each with its event."""
    return f"""
WITH picked AS MATERIALIZED ({picked}),
moved AS (
  UPDATE governance_tasks t
  SET status = {to}, transitions = t.transitions + 1, updated_at = now(),
      lease_owner = NULL, lease_expires_at = NULL{sets and ", " + sets}
  FROM picked WHERE t.id = picked.id
  RETURNING t.id, picked.was, t.status, t.assigned_worker, t.transitions, t.attempts, t.error_message,
            t.waiting_for, t.crash_attempts),
logged AS (
  INSERT INTO task_events (task_id, seq, from_status, to_status, actor, reason, attempt, process_id)
  SELECT id, transitions, was, status, {actor}, {reason}, attempts, {process} FROM moved)
SELECT id, was, status, assigned_worker FROM moved"""


def _in_states(*states: str) -> str:
    listed = ", ".join(f"'{state}'" for state in states)
    return f"""
  SELECT id, status AS was FROM governance_tasks
  WHERE id = ANY(%(ids)s::uuid[]) AND status IN ({listed}) ORDER BY id FOR UPDATE"""


_LIVE = _in_states("pending", "in_progress", "parked", "waiting_approval")
_ENDED = "completed_at = now(), waiting_for = ''"

# ---------------------------------------------------------------------------------------- claiming

# Slots: how many tasks this process would take for each of its workers. Suspects, whose process died
# under them twice, are left to `_SUSPECTS`, so that one poisonous task cannot take others with it.
_DUE = """
  SELECT t.id, 'pending' AS was FROM
    (SELECT s.worker_id, s.free
     FROM unnest(%(workers)s::text[], %(free)s::int[]) AS s(worker_id, free)
     JOIN worker_registry w ON w.worker_id = s.worker_id AND w.status = 'active' AND s.free > 0
     CROSS JOIN (SELECT set_config('synchronous_commit', %(commit)s, true)) AS durability) slots
  CROSS JOIN LATERAL (
    SELECT id FROM governance_tasks
    WHERE status = 'pending' AND assigned_worker = slots.worker_id AND crash_attempts {suspicion}
      AND rank <= (now() AT TIME ZONE 'UTC') AND run_after <= now()
      AND (deadline IS NULL OR deadline > now())
    ORDER BY rank LIMIT slots.free FOR UPDATE SKIP LOCKED) t"""

# The fencing token is the microsecond of the claim, and always more than before. A plain count would repeat
# itself: a server that crashes forgets claims which it had not yet written (see `_claim`).
#
# The array keeps the planner on the primary key: it cannot know how small `picked` is, and would read
# the whole table to join it.
_CLAIM = """
WITH picked AS MATERIALIZED ({due}{limit}),
moved AS (
  UPDATE governance_tasks t
  SET status = 'in_progress', transitions = t.transitions + 1, updated_at = now(), started_at = now(),
      attempts = t.attempts + 1, lease_owner = %(process)s::uuid, lease_expires_at = now() + %(lease)s,
      lease_token = greatest(t.lease_token + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
  WHERE t.id = ANY(ARRAY(SELECT id FROM picked))
  RETURNING t.*),
logged AS (
  INSERT INTO task_events (task_id, seq, from_status, to_status, actor, attempt, process_id)
  SELECT id, transitions, 'pending', 'in_progress', assigned_worker, attempts, lease_owner FROM moved)
SELECT id, task_type, payload, assigned_worker, attempts, error_attempts, max_attempts, lease_token,
       timeout_seconds, extract(epoch FROM deadline - now())::float8, crash_attempts
FROM moved ORDER BY rank"""

_CLAIMING = {"workers": "text[]", "free": "int[]", "process": "uuid", "lease": "interval", "commit": "text"}
_CLAIM_DUE = Prepared(
    "claim", _CLAIM.format(due=_DUE.format(suspicion=f"< {SUSPECT_CRASHES}"), limit=""), **_CLAIMING
)
_CLAIM_SUSPECT = Prepared(
    "claim_suspect",
    _CLAIM.format(due=_DUE.format(suspicion=f">= {SUSPECT_CRASHES}"), limit=" LIMIT 1"),
    **_CLAIMING,
)


def claim(*, process_id: UUID, free: dict[str, int]) -> list[Claimed]:
    """pending → in_progress: take due tasks, at most `free[worker_id]` of each worker, oldest rank first.

    Counts the attempt and raises the fencing token. Skips rows that somebody else is just taking.
    """
    return _claim(_CLAIM_DUE, process_id, free)


def claim_suspect(*, process_id: UUID, worker_ids: Sequence[str]) -> list[Claimed]:
    """pending → in_progress for one task that was twice running when its process died.

    A process holds at most one of them, so two poisonous tasks cannot be taken for one another.
    """
    return _claim(_CLAIM_SUSPECT, process_id, dict.fromkeys(worker_ids, 1))


def _claim(statement: Prepared, process_id: UUID, free: dict[str, int]) -> list[Claimed]:
    """A claim of its own need not wait for the disk: if the server crashes before it got there, the task is
    pending again and the claimant's token refused. Together with reports it is as durable as they are."""
    parameters = {
        "workers": list(free),
        "free": list(free.values()),
        "process": str(process_id),
        "lease": LEASE,
        "commit": "on" if connection.in_atomic_block else "off",
    }
    return [Claimed(*row) for row in statement.run(parameters)]


# --------------------------------------------------------------------------------------- reporting

# The owner is asked too: a claim whose commit a crashing server lost leaves its token to the next claimant.
_HELD = """
  SELECT t.id, t.status AS was, r.result, r.error, r.delay
  FROM json_to_recordset(%(reports)s) AS r(id uuid, token bigint, result jsonb, error text, delay float8)
  JOIN governance_tasks t ON t.id = r.id AND t.status = 'in_progress' AND t.lease_token = r.token
    AND t.lease_owner = %(process)s::uuid
  ORDER BY t.id FOR NO KEY UPDATE OF t"""


def _reporting(name: str, *, to: str, sets: str, reason: str) -> Prepared:
    edge = _edge(
        picked=_HELD, to=to, sets=sets, actor="assigned_worker", reason=reason, process="%(process)s::uuid"
    )
    return Prepared(name, edge, reports="json", process="uuid")


_COMPLETE = _reporting(
    "complete",
    to="'completed'",
    sets=f"result = picked.result, error_message = '', {_ENDED}",
    reason="''",
)
_RETRY_LATER = _reporting(
    "retry_later",
    to="'pending'",
    sets="error_attempts = t.error_attempts + 1, error_message = picked.error,"
    " run_after = now() + picked.delay * interval '1 second'",
    reason="error_message",
)
_FAIL = _reporting(
    "fail",
    to="'failed'",
    sets=f"error_attempts = t.error_attempts + 1, error_message = picked.error, {_ENDED}",
    reason="error_message",
)
_GIVE_BACK = _reporting(
    "give_back",
    to="'pending'",
    sets="attempts = t.attempts - 1",
    reason="'given back by its process'",
)

_DISCLAIM = _edge(
    picked="""
  SELECT id, status AS was FROM governance_tasks
  WHERE status = 'in_progress' AND lease_owner = %(process)s::uuid AND id <> ALL(%(known)s::uuid[])
  FOR UPDATE SKIP LOCKED""",
    to="'pending'",
    sets="attempts = t.attempts - 1, run_after = now()",
    actor="assigned_worker",
    reason="'given back: the answer to its claim was lost'",
    process="%(process)s::uuid",
)

# Reports whose task was gone: kept beside it. A repeated report of what is recorded already is none.
_KEEP_LATE = """
INSERT INTO task_late_results
  (task_id, lease_token, attempt, process_id, outcome, result, error_message, found_status)
SELECT r.id, r.token, t.attempts, %(process)s::uuid, %(outcome)s, r.result, coalesce(r.error, ''), t.status
FROM json_to_recordset(%(reports)s) AS r(id uuid, token bigint, result jsonb, error text)
JOIN governance_tasks t ON t.id = r.id AND NOT (t.lease_token = r.token AND t.status = %(outcome)s)
ON CONFLICT DO NOTHING"""


def complete(reports: Sequence[Report], *, process_id: UUID) -> set[UUID]:
    """in_progress → completed with the result. Returns the ids that moved; the others are late results."""
    return _report(_COMPLETE, reports, process_id, late_as="completed")


def retry_later(reports: Sequence[Report], *, process_id: UUID) -> set[UUID]:
    """in_progress → pending after an error that may pass: counts it and waits `delay` seconds."""
    return _report(_RETRY_LATER, reports, process_id)


def fail(reports: Sequence[Report], *, process_id: UUID) -> set[UUID]:
    """in_progress → failed: the error is permanent, or it was the last attempt."""
    return _report(_FAIL, reports, process_id, late_as="failed")


def give_back(reports: Sequence[Report], *, process_id: UUID) -> set[UUID]:
    """in_progress → pending, at shutdown or before it was started: the attempt does not count, and the task
    keeps its place in the queue."""
    return _report(_GIVE_BACK, reports, process_id)


def disclaim(*, process_id: UUID, known: Collection[UUID]) -> list[Moved]:
    """in_progress → pending for what this process claimed and does not know of: the attempt does not count.

    A connection may break between the commit of a claim and its answer. Left to their leases, these tasks
    would count a crash, and a suspect would fail for its third, although nobody ran them.
    """
    return _moved(_DISCLAIM, process=str(process_id), known=[str(task) for task in known])


def _report(statement: Prepared, reports: Sequence[Report], process_id: UUID, late_as: str = "") -> set[UUID]:
    if not reports:
        return set()
    encoded, process = _encode(reports), str(process_id)
    moved = {row[0] for row in statement.run({"reports": encoded, "process": process})}
    if late_as and len(moved) < len(reports):
        late = _encode([report for report in reports if report.id not in moved])
        with connection.cursor() as cursor:
            cursor.execute(_KEEP_LATE, {"reports": late, "process": process, "outcome": late_as})
    return moved


def _encode(reports: Sequence[Report]) -> str:
    rows = [
        {"id": r.id, "token": r.token, "error": r.error, "delay": r.delay}
        | ({} if r.result is None else {"result": orjson.Fragment(r.result)})
        for r in reports
    ]
    return orjson.dumps(rows).decode()


# ------------------------------------------------------------------------------------------ leases

_RENEW = Prepared(
    "renew",
    """
WITH mine AS MATERIALIZED (
  SELECT t.id
  FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS held(id, token)
  JOIN governance_tasks t ON t.id = held.id AND t.lease_token = held.token AND t.status = 'in_progress'
  ORDER BY t.id FOR NO KEY UPDATE OF t)
UPDATE governance_tasks t SET lease_expires_at = now() + %(lease)s, updated_at = now()
FROM mine WHERE t.id = mine.id
RETURNING t.id""",
    ids="uuid[]",
    tokens="bigint[]",
    lease="interval",
)


def renew(held: dict[UUID, int], *, lease: timedelta = LEASE) -> set[UUID]:
    """Extend the leases of these tasks (id → token); returns the ids that this process has lost."""
    if not held:
        return set()
    ids = [str(task) for task in held]
    kept = _RENEW.run({"ids": ids, "tokens": list(held.values()), "lease": lease})
    return held.keys() - {row[0] for row in kept}


_CRASHED = f"t.crash_attempts + 1 >= {MAX_CRASHES}"
_RESCUE = _edge(
    picked="""
  SELECT id, status AS was FROM governance_tasks
  WHERE status = 'in_progress'
    AND CASE WHEN %(dead)s::uuid[] IS NOT NULL THEN lease_owner = ANY(%(dead)s::uuid[])
        ELSE lease_expires_at < now() AND pg_postmaster_start_time() <= now() - %(grace)s END
  LIMIT %(limit)s FOR UPDATE SKIP LOCKED""",
    to=f"CASE WHEN {_CRASHED} THEN 'failed' ELSE 'pending' END",
    sets=f"""crash_attempts = t.crash_attempts + 1, run_after = now(),
      completed_at = CASE WHEN {_CRASHED} THEN now() END,
      error_message = CASE WHEN {_CRASHED}
        THEN format('killed its worker process %%s times', t.crash_attempts + 1) ELSE t.error_message END""",
    actor="'WATCHDOG'",
    reason="format('its worker process died or stalled (crash %%s)', crash_attempts)",
)


def rescue(*, dead: Sequence[UUID] | None = None, limit: int = 1000) -> list[Moved]:
    """in_progress → pending, or → failed at the third crash: the lease ran out. With `dead`: what these
    processes held, whatever their leases say, and nothing else.

    While the server was away nobody could renew: after its start, leases have one more lease of time.
    """
    owners = None if dead is None else [str(process) for process in dead]
    return _moved(_RESCUE, dead=owners, limit=limit, grace=GRACE_AFTER_RESTART)


# ----------------------------------------------------------------------------------------- waiting

_RELEASE = _edge(
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
    sets="waiting_for = '', run_after = greatest(t.run_after, now())",
    actor="'WATCHDOG'",
    reason="'every dependency has completed'",
)
_EXPIRE = _edge(
    picked="""
  SELECT id, status AS was FROM governance_tasks
  WHERE status IN ('pending', 'parked', 'waiting_approval') AND deadline IS NOT NULL AND deadline <= now()
  LIMIT %(limit)s FOR UPDATE SKIP LOCKED""",
    to="'failed'",
    sets=f"error_message = 'its deadline passed before it could run', {_ENDED}",
    actor="'WATCHDOG'",
    reason="error_message",
)


def release_dependents(*, after: Sequence[UUID] | None = None, limit: int = 1000) -> list[Moved]:
    """parked → pending once every dependency has completed; `after` names tasks that just did."""
    return _moved(_RELEASE, after=None if after is None else [str(task) for task in after], limit=limit)


def expire(*, limit: int = 1000) -> list[Moved]:
    """pending, parked, waiting_approval → failed: the deadline has passed."""
    return _moved(_EXPIRE, limit=limit)


# --------------------------------------------------------------------------------------- operators

_BY_ACTOR = {"actor": "%(actor)s", "reason": "%(reason)s"}
_CANCEL = _edge(picked=_LIVE, to="'cancelled'", sets=f"error_message = %(reason)s, {_ENDED}", **_BY_ACTOR)
_TERMINATE = _edge(picked=_LIVE, to="'failed'", sets=f"error_message = %(reason)s, {_ENDED}", **_BY_ACTOR)
_UNMET = """EXISTS (SELECT FROM task_dependencies d JOIN governance_tasks p ON p.id = d.depends_on_id
                     WHERE d.task_id = t.id AND p.status <> 'completed')"""
_RETRY = _edge(
    picked=_in_states("failed", "cancelled"),
    to=f"CASE WHEN {_UNMET} THEN 'parked' ELSE 'pending' END",
    sets=f"""waiting_for = CASE WHEN {_UNMET} THEN '{DEPENDENCIES}' ELSE '' END,
      error_attempts = 0, crash_attempts = 0, run_after = now(), result = NULL, error_message = '',
      completed_at = NULL, deadline = CASE WHEN t.deadline > now() THEN t.deadline END""",
    **_BY_ACTOR,
)


def cancel(ids: Sequence[UUID], *, actor: str, reason: str) -> list[Moved]:
    """Any live state → cancelled. A worker that runs the task stops at its next step or heartbeat."""
    return _by_operator(_CANCEL, ids, actor, reason)


def terminate(ids: Sequence[UUID], *, actor: str, reason: str) -> list[Moved]:
    """Any live state → failed, with the reason as its error. Reaches the running worker like `cancel`."""
    return _by_operator(_TERMINATE, ids, actor, reason)


def retry(ids: Sequence[UUID], *, actor: str, reason: str) -> list[Moved]:
    """failed, cancelled → pending (or parked for its dependencies) with fresh attempts.

    A deadline that has passed is lifted: whoever retries wants the task to run.
    """
    return _by_operator(_RETRY, ids, actor, reason)


def _by_operator(statement: str, ids: Sequence[UUID], actor: str, reason: str) -> list[Moved]:
    return _moved(statement, ids=[str(task) for task in ids], actor=actor, reason=reason)


def _moved(statement: str, **parameters: Any) -> list[Moved]:
    return [Moved(*row) for row in _run(statement, **parameters)]


def _run(statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
