"""Path parameters of the API."""

from juggernaut.api.openapi.declaration import PathParameter

_ID = "0198f2a0-7c1e-7000-8000-5b1f6a2c9d3e"
TASK_ID = PathParameter("task_id", "The task's id.", _ID, "uuid")
RECURRING_ID = PathParameter("recurring_id", "The recurring task's id.", _ID, "uuid")
APPROVAL_ID = PathParameter("approval_id", "The approval's id.", _ID, "uuid")
EXECUTION_ID = PathParameter("execution_id", "The call's id.", _ID, "uuid")
HOLD_ID = PathParameter("hold_id", "The id of the call's budget hold.", _ID, "uuid")
WORKER_ID = PathParameter("worker_id", "The worker's name.", "ANALYST")
SCOPE = PathParameter("scope", "A worker, `FLEET`, or `task:{id}` for the envelope of a task.", "FLEET")
RETENTION_RULE = PathParameter("retention_rule", "The rule's name.", "completed tasks")
RATE_LIMIT = PathParameter("limit", "A tool, a prefix such as `http.*`, or a service.", "http.request")
