"""The SQL that writes a dead letter in the statement that fails its task (`governance.tasks.transitions`)."""

# ruff: noqa: S608 (put together from constants)

from governance.tasks.transitions.types import GIVEN_BACK

# The letter that a failing edge gives its task: a task that was retried from a letter keeps that one.
NEW_LETTER = "coalesce(t.dead_letter_id, juggernaut_uuid7())"

# Columns of the moved task that its letter is made from.
GIVES_UP = """,
            t.failure, t.dead_letter_id, t.task_type, t.title, t.payload, t.priority, t.max_attempts,
            t.error_attempts, t.timeout_seconds, t.deadline, t.parent_id, t.created_by, t.created_at,
            t.started_at, t.idempotency_key, t.max_cost_usd"""

_SNAPSHOT = """jsonb_strip_nulls(jsonb_build_object(
      'title', m.title, 'payload', m.payload, 'priority', m.priority, 'attempts', m.attempts,
      'error_attempts', m.error_attempts, 'crash_attempts', m.crash_attempts,
      'max_attempts', m.max_attempts, 'timeout_seconds', m.timeout_seconds, 'deadline', m.deadline,
      'parent', m.parent_id, 'idempotency_key', m.idempotency_key, 'max_cost_usd', m.max_cost_usd,
      'created_by', m.created_by, 'created_at', m.created_at, 'started_at', m.started_at))"""

# The earlier runs that ended badly are in the history; this one's event is being written now.
_ATTEMPTS = f"""coalesce(
      (SELECT jsonb_agg(jsonb_build_object('attempt', e.attempt, 'at', e.created_at, 'error', e.reason,
                                           'process', e.process_id) ORDER BY e.seq)
       FROM task_events e
       WHERE e.task_id = m.id AND e.from_status = 'in_progress' AND e.to_status IN ('pending', 'failed')
         AND e.reason <> '' AND NOT starts_with(e.reason, '{GIVEN_BACK}')), '[]')
    || CASE WHEN m.was = 'in_progress' THEN jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
         'attempt', m.attempts, 'at', now(), 'error', m.error_message, 'process', m.process)))
       ELSE '[]' END"""

# What the task has cost so far, by the ledger.
_BURNT = "(SELECT coalesce(sum(c.cost_usd), 0) FROM api_cost_tracking c WHERE c.task_id = m.id)"

INSERT_LETTERS = f""",
letters AS (
  INSERT INTO dead_letter_queue AS l (id, task_id, cause, task_type, worker_id, tool_name, service,
                                      error_class, error_message, cost_usd, snapshot, attempts)
  SELECT m.dead_letter_id, m.id, m.failure ->> 'cause', m.task_type, m.assigned_worker,
         coalesce(m.failure ->> 'tool_name', ''), coalesce(m.failure ->> 'service', ''),
         coalesce(m.failure ->> 'error_class', ''), m.error_message,
         {_BURNT},
    {_SNAPSHOT},
    {_ATTEMPTS}
  FROM moved m WHERE m.failure IS NOT NULL ORDER BY m.id
  ON CONFLICT (id) DO UPDATE
  SET status = 'pending', failed_at = now(), cause = excluded.cause, worker_id = excluded.worker_id,
      tool_name = excluded.tool_name, service = excluded.service, error_class = excluded.error_class,
      error_message = excluded.error_message, cost_usd = excluded.cost_usd,
      snapshot = excluded.snapshot, attempts = excluded.attempts,
      history = l.history || jsonb_build_object('at', now(), 'what', 'failed again',
                                                'error', excluded.error_message))"""
