"""Parking: a running task that cannot go on waits for something named, and its attempt does not count.

What ends the wait is looked for by the edges in `releasing`.
"""

from collections.abc import Sequence
from uuid import UUID

import orjson

from governance.db.prepared_statements import Prepared
from governance.tasks.transitions.recorded import Recorded, still_held
from governance.tasks.transitions.sql.edges import edge
from governance.tasks.transitions.types import AttemptReport
from governance.tasks.waits import WaitKind

_PARK = Prepared(
    "park",
    edge(
        picked="""
  SELECT t.id, t.status AS was, r.waiting_for, r.wait
  FROM json_to_recordset(%(reports)s) AS r(id uuid, token bigint, waiting_for text, wait jsonb)
  JOIN governance_tasks t ON t.id = r.id AND t.status = 'in_progress' AND t.lease_token = r.token
    AND t.lease_owner = %(process)s::uuid
  ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED""",
        to=f"""CASE picked.wait ->> 'kind' WHEN '{WaitKind.APPROVAL}' THEN 'waiting_approval'
                                           ELSE 'parked' END""",
        waits="waiting_for = picked.waiting_for, wait = picked.wait",
        sets="attempts = t.attempts - 1",
        actor="assigned_worker",
        reason="wait ->> 'sentence'",
        process="%(process)s::uuid",
    ),
    reports="json",
    process="uuid",
)


def park(reports: Sequence[AttemptReport], *, process_id: UUID) -> Recorded:
    """in_progress → parked, or → waiting_approval if a person must decide; the attempt does not count.

    Each report says what it waits for. Returns the ids that moved; the rest, if not locked, was lost.
    """
    if not reports:
        return Recorded()
    encoded, process = orjson.dumps([_row(report) for report in reports]).decode(), str(process_id)
    moved = {row[0] for row in _PARK.run({"reports": encoded, "process": process})}
    others = {report.id: report.token for report in reports if report.id not in moved}
    return Recorded(moved, locked=still_held(others, process_id=process_id))


def _row(report: AttemptReport) -> dict[str, object]:
    if report.wait is None:
        raise ValueError(f"the report on task {report.id} does not say what it waits for")
    said = report.wait.to_json()
    return {"id": report.id, "token": report.token, "waiting_for": report.wait.summary, "wait": said}
