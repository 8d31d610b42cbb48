"""Dead letters for tests: born as the engine bears them, then given the columns that a test names."""

from typing import Any
from uuid import UUID

from django.db import connection

from governance.models import DeadLetter, Task
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from tests.governance import lives


def dead(error: str = "it broke", **columns: Any) -> DeadLetter:
    """The pending letter of a task that failed with this error."""
    task = lives.held(task_type=columns.get("task_type", "noop"))
    report = AttemptReport(
        task.id, task.token, error=error, failure={"cause": "permanent", "error_class": "E"}
    )
    transitions.fail([report], process_id=lives.PROCESS)
    letter = DeadLetter.objects.get(open_task_id=task.id)
    DeadLetter.objects.filter(pk=letter.pk).update(**columns) if columns else None
    letter.refresh_from_db()
    return letter


_MANY = """
INSERT INTO governance_tasks (task_type, title)
SELECT 'noop', 'task ' || n FROM generate_series(1, %s) n RETURNING id"""


def dead_many(count: int, error: str = "it broke") -> list[UUID]:
    """The letters of this many tasks, made by an operator's `move`, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_MANY, [count])
        ids = [task_id for (task_id,) in cursor.fetchall()]
    transitions.dead_letter(ids, actor="tests", reason=error)
    return list(DeadLetter.objects.filter(open_task_id__in=ids).order_by("pk").values_list("pk", flat=True))


def run(*letters: DeadLetter, error: str = "") -> None:
    """The retried tasks of these letters run to their end: completed, or failed again with an error."""
    tasks = Task.objects.filter(pk__in=[letter.task_id for letter in letters])
    tasks.update(run_after=lives.ago(30 * 86400))
    claimed = lives.claim(free=len(letters))
    assert {task.id for task in claimed} == {letter.task_id for letter in letters}
    if error:
        transitions.fail([lives.failing(task, error) for task in claimed], process_id=lives.PROCESS)
    else:
        transitions.complete([lives.done(task) for task in claimed], process_id=lives.PROCESS)
