"""Loading a sample: slices of tasks with all that belongs to them, each one transaction."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from juggernaut.sample import statements, surroundings
from juggernaut.sample.size import Size

_ANALYZED = """VACUUM ANALYZE governance_tasks, task_events, dead_letter_queue, failure_signatures,
  failure_signature_hours, budget_holds, budget_windows, api_cost_tracking, cost_hours, task_costs,
  tool_executions, task_steps, workflow_steps, task_dependencies, task_late_results, watchdog_sweeps,
  audit_log, approvals, redrives, redrive_items, recurring_runs, circuit_breaker_events"""

# So many at least of what stands around the tasks.
_FEW = 3_000


def step_count(size: Size) -> int:
    """How many steps `load` takes: the slices, what stands around them, and the statistics."""
    return -(-size.tasks // size.slice) + int(size.surroundings) + 1


def load(size: Size, *, now: datetime | None = None) -> Iterator[int]:
    """Load it, oldest tasks first; after each step, how many steps are done.

    Each step is one transaction in which everything agrees: whoever stops in between leaves a sound, smaller
    sample. The last step reads all of it once for the planner (not inside a transaction, as in a test).
    """
    facts = asdict(size) | {"now": now or timezone.now()}
    _run(statements.PREPARE)
    done = 0
    for begin in range(0, size.tasks, size.slice):
        _load_slice(size, facts | {"begin": begin, "end": min(begin + size.slice, size.tasks) - 1})
        yield (done := done + 1)
    if size.surroundings:
        _load_surroundings(facts)
        yield (done := done + 1)
    _run("ANALYZE" if connection.in_atomic_block else _ANALYZED)
    yield done + 1


@transaction.atomic
def _load_slice(size: Size, facts: dict[str, Any]) -> None:
    calls = statements.OF_CALLS if size.lines else ()
    for statement in (*statements.OF_TASKS, *calls, *statements.OF_LETTERS):
        _run(statement, facts)


@transaction.atomic
def _load_surroundings(facts: dict[str, Any]) -> None:
    for statement in surroundings.ALL:
        _run(statement, facts | {"few": max(facts["tasks"] // 50, _FEW)})


def _run(statement: str, facts: dict[str, Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, facts)
