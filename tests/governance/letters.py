"""Dead letters for tests: made as they come about, looked at, and counted by hand."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from governance.models import DeadLetter, FailureSignature, Task
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport, ClaimedTask
from tests.governance import lives
from tests.governance.lives import PROCESS

_CHECK_NOW = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"
PERMANENT = {"cause": "permanent", "error_class": "PermanentFailure"}

# What every group says of itself, beside what its letters say; only the groups that are wrong.
_MISCOUNTED = """
SELECT s.id, s.failure_reason,
       (s.pending, s.retrying, s.resolved, s.cost_usd) AS kept,
       (l.pending, l.retrying, l.resolved, l.cost_usd) AS counted
FROM failure_signatures s
LEFT JOIN LATERAL (
  SELECT count(*) FILTER (WHERE status = 'pending') AS pending,
         count(*) FILTER (WHERE status = 'retrying') AS retrying,
         count(*) FILTER (WHERE status = 'resolved') AS resolved,
         coalesce(sum(cost_usd), 0) AS cost_usd,
         coalesce(array_agg(DISTINCT worker_id) FILTER (WHERE worker_id <> ''), '{}') AS workers,
         max(failed_at) AS last_seen
  FROM dead_letter_queue WHERE signature_id = s.id) l ON true
WHERE (s.pending, s.retrying, s.resolved, s.cost_usd)
      IS DISTINCT FROM (l.pending, l.retrying, l.resolved, l.cost_usd)
   OR s.last_seen < l.last_seen OR NOT s.workers @> l.workers"""

# Open letters that their task does not name, named letters that are not open, and states that do not fit.
_UNLINKED = """
SELECT l.id, l.status, t.id, t.status, t.dead_letter_id
FROM dead_letter_queue l FULL JOIN governance_tasks t ON t.dead_letter_id = l.id
WHERE (l.status <> 'resolved' OR t.dead_letter_id IS NOT NULL)
  AND (l.id IS NULL OR t.id IS NULL OR l.task_id <> t.id OR l.status = 'resolved'
       OR (l.status = 'pending') <> (t.status = 'failed')
       OR l.status = 'retrying' AND t.status IN ('completed', 'cancelled'))"""


def failed(error: str = "it broke", failure: dict[str, str] | None = None, **columns: Any) -> DeadLetter:
    """The letter of a task that ran once and was given up."""
    task = lives.held(**columns)
    give_up(task, error, failure)
    return of(task.id)


def give_up(task: ClaimedTask, error: str = "it broke", failure: dict[str, str] | None = None) -> None:
    report = AttemptReport(task.id, task.token, error=error, failure=failure or PERMANENT)
    assert transitions.fail([report], process_id=PROCESS) == {task.id}


def of(task_id: UUID) -> DeadLetter:
    """The newest letter of a task."""
    return DeadLetter.objects.filter(task_id=task_id).order_by("pk")[0]


def group(letter: DeadLetter) -> FailureSignature:
    return FailureSignature.objects.get(pk=fresh(letter).signature_id)


def fresh(letter: DeadLetter) -> DeadLetter:
    return DeadLetter.objects.get(pk=letter.pk)


def retried(letter: DeadLetter) -> ClaimedTask:
    """Its task, retried and claimed again."""
    transitions.retry([letter.task_id], actor="ann", reason="again")
    Task.objects.filter(pk=letter.task_id).update(run_after=lives.ago(86400))
    [task] = lives.claim(free=1)
    assert task.id == letter.task_id
    return task


def taken_up(letter: DeadLetter) -> DeadLetter:
    """The letter, its task retried and running again."""
    retried(letter)
    return fresh(letter)


def counts(letter: DeadLetter) -> tuple[int, int, int]:
    """pending, retrying and resolved of its group."""
    found = group(letter)
    return found.pending, found.retrying, found.resolved


def sql(statement: str, *parameters: Any) -> Any:
    """What somebody types into psql, in a transaction of its own as far as constraints can tell."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CHECK_NOW)
        cursor.execute(statement, parameters or None)
        answer = cursor.fetchall() if cursor.description else cursor.rowcount
        cursor.execute(_CHECK_NOW)
    return answer


def assert_sound() -> None:
    """Every count is what its rows add up to, and the link between tasks and letters holds both ways."""
    assert sql(_MISCOUNTED) == []
    assert sql(_UNLINKED) == []
