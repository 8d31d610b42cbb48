"""Results that came after their task was lost: kept beside it for an operator to see, never applied."""

from django.db import connection

# A repeated report of what is recorded already is no late result.
_KEEP = """
INSERT INTO task_late_results
  (task_id, lease_token, attempt, process_id, outcome, result, error_message, found_status)
SELECT r.id, r.token, t.attempts, %(process)s::uuid, %(outcome)s, r.result, coalesce(r.error, ''), t.status
FROM json_to_recordset(%(reports)s) AS r(id uuid, token bigint, result jsonb, error text)
JOIN governance_tasks t ON t.id = r.id AND NOT (t.lease_token = r.token AND t.status = %(outcome)s)
ON CONFLICT DO NOTHING"""


def store(reports: str, *, process: str, outcome: str) -> None:
    """Keep these reports (the JSON that the edges take) of a process that had lost their tasks.

    `outcome` is the state that the process wanted to report.
    """
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {"reports": reports, "process": process, "outcome": outcome})
