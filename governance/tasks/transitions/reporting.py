"""Reports of the engine: what became of the tasks that a process holds."""

from collections.abc import Collection, Sequence
from uuid import UUID

import orjson

from governance.db.prepared_statements import Prepared
from governance.tasks import late_results
from governance.tasks.transitions.recorded import Recorded, still_held
from governance.tasks.transitions.sql.dead_letters import INSERT_LETTERS, NEW_LETTER
from governance.tasks.transitions.sql.edges import ENDED, edge, failure, moved
from governance.tasks.transitions.types import GIVEN_BACK, AttemptReport, Transition

# The token tells leases apart; the owner is asked as well, so that no slip in one of them is enough. A row
# that somebody has locked is left for a later report: the others must not wait for it.
_HELD = """
  SELECT t.id, t.status AS was, r.result, r.error, r.delay, r.failure
  FROM json_to_recordset(%(reports)s)
    AS r(id uuid, token bigint, result jsonb, error text, delay float8, failure jsonb)
  JOIN governance_tasks t ON t.id = r.id AND t.status = 'in_progress' AND t.lease_token = r.token
    AND t.lease_owner = %(process)s::uuid
  ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED"""


def _reporting(name: str, *, to: str, sets: str, reason: str, letters: str = "") -> Prepared:
    actor, process = "assigned_worker", "%(process)s::uuid"
    sql = edge(picked=_HELD, to=to, sets=sets, actor=actor, reason=reason, process=process, letters=letters)
    return Prepared(name, sql, reports="json", process="uuid")


_COMPLETE = _reporting(
    "complete",
    to="'completed'",
    sets=f"result = picked.result, error_message = '', {ENDED}",
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
    sets="error_attempts = t.error_attempts + 1, error_message = picked.error,"
    f" failure = coalesce(picked.failure, {failure('attempts')}),"
    f" dead_letter_id = {NEW_LETTER}, {ENDED}",
    reason="error_message",
    letters=INSERT_LETTERS,
)
_GIVE_BACK = _reporting(
    "give_back",
    to="'pending'",
    sets="attempts = t.attempts - 1",
    reason=f"'{GIVEN_BACK} by its process'",
)

_DISCLAIM = edge(
    picked="""
  SELECT id, status AS was FROM governance_tasks
  WHERE status = 'in_progress' AND lease_owner = %(process)s::uuid AND id <> ALL(%(known)s::uuid[])
  FOR UPDATE SKIP LOCKED""",
    to="'pending'",
    sets="attempts = t.attempts - 1, run_after = now()",
    actor="assigned_worker",
    reason=f"'{GIVEN_BACK}: the answer to its claim was lost'",
    process="%(process)s::uuid",
)


def complete(reports: Sequence[AttemptReport], *, process_id: UUID) -> Recorded:
    """in_progress → completed with the result. Returns the ids that moved; those that are neither moved nor
    locked are late results."""
    return _report(_COMPLETE, reports, process_id, late_as="completed")


def retry_later(reports: Sequence[AttemptReport], *, process_id: UUID) -> Recorded:
    """in_progress → pending after an error that may pass: counts it and waits `delay` seconds."""
    return _report(_RETRY_LATER, reports, process_id)


def fail(reports: Sequence[AttemptReport], *, process_id: UUID) -> Recorded:
    """in_progress → failed: the error is permanent, or it was the last attempt."""
    return _report(_FAIL, reports, process_id, late_as="failed")


def give_back(reports: Sequence[AttemptReport], *, process_id: UUID) -> Recorded:
    """in_progress → pending, at shutdown or before it was started: the attempt does not count, and the task
    keeps its place in the queue."""
    return _report(_GIVE_BACK, reports, process_id)


def return_unknown_claims(*, process_id: UUID, known: Collection[UUID]) -> list[Transition]:
    """in_progress → pending for what this process claimed and does not know of: the attempt does not count.

    A connection may break between the commit of a claim and its answer. Left to their leases, these tasks
    would count a crash, and a suspect would fail for its third, although nobody ran them.
    """
    return moved(_DISCLAIM, process=str(process_id), known=[str(task) for task in known])


def _report(
    statement: Prepared, reports: Sequence[AttemptReport], process_id: UUID, late_as: str = ""
) -> Recorded:
    if not reports:
        return Recorded()
    encoded, process = _encode(reports), str(process_id)
    moved = {row[0] for row in statement.run({"reports": encoded, "process": process})}
    others = [report for report in reports if report.id not in moved]
    locked = still_held({report.id: report.token for report in others}, process_id=process_id)
    late = [report for report in others if report.id not in locked]
    if late_as and late:
        late_results.store(_encode(late), process=process, outcome=late_as)
    return Recorded(moved, locked=locked)


def _encode(reports: Sequence[AttemptReport]) -> str:
    rows = [
        {"id": r.id, "token": r.token, "error": r.error, "delay": r.delay, "failure": r.failure}
        | ({} if r.result is None else {"result": orjson.Fragment(r.result)})
        for r in reports
    ]
    return orjson.dumps(rows).decode()
