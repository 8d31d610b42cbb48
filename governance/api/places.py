"""What stands in the addresses of the API."""

from governance.api.description import Place

_ID = "0198f2a0-7c1e-7000-8000-5b1f6a2c9d3e"
TASK_ID = Place("task_id", "The task's id.", _ID, "uuid")
RECURRING_ID = Place("recurring_id", "The recurring task's id.", _ID, "uuid")
APPROVAL_ID = Place("approval_id", "The approval's id.", _ID, "uuid")
EXECUTION_ID = Place("execution_id", "The call's id.", _ID, "uuid")
HOLD_ID = Place("hold_id", "The id of the call's budget hold.", _ID, "uuid")
WORKER_ID = Place("worker_id", "The worker's name.", "ANALYST")
SCOPE = Place("scope", "A worker, `FLEET`, or `task:{id}` for the envelope of a task.", "FLEET")
RETENTION_RULE = Place("retention_rule", "The rule's name.", "completed tasks")
RATE_LIMIT = Place("limit", "A tool, a prefix such as `http.*`, or a service.", "http.request")
