"""kill -9 of worker processes while a workflow of 1,000 steps fans out and in."""

from collections import Counter
from functools import partial

import psutil

from tests.faults import record
from tests.polling import until

LEAVES = 500
SECOND = 490
JOINS = 8
KILLS = 5


def steps(place):
    """1 start, 500 that double it, 490 that add one to each of those, 8 joins, 1 end: 1,000."""

    def add(name, *numbers):
        return {
            "name": name,
            "task_type": "add",
            "payload": {"place": str(place), "numbers": [*numbers]},
        }

    def of(name):
        return {"$from": f"{name}.sum"}

    yield add("start", 1)
    yield from (add(f"leaf-{n}", of("start"), of("start")) for n in range(LEAVES))
    yield from (add(f"second-{n}", of(f"leaf-{n}"), 1) for n in range(SECOND))
    yield from (add(f"join-{n}", *(of(f"second-{m}") for m in range(n, SECOND, JOINS))) for n in range(JOINS))
    yield add(
        "end", *(of(f"join-{n}") for n in range(JOINS)), *(of(f"leaf-{n}") for n in range(SECOND, LEAVES))
    )


def test_a_workflow_of_a_thousand_steps_ends_right_while_its_workers_are_killed(system, tmp_path):
    system.sql("UPDATE worker_registry SET max_concurrency = 30")
    written = list(steps(tmp_path))
    assert len(written) == 1000
    body = {"task_type": "workflow", "payload": {"steps": written, "output": {"$from": "end.sum"}}}
    [workflow] = system.submit([body])

    for number in range(1, KILLS + 1):
        until(partial(has_done, system, workflow, number * 150), timeout=120, what=f"{number * 150} steps")
        # No step may lose three processes: that would be its end, and is not what this is about.
        until(lambda: recovered(system, workflow), timeout=60, what="what lost its process ran again")
        system.await_workers()
        psutil.Process(next(iter(system.worker_rows()))).kill()
    until(lambda: ending(system, workflow), timeout=240, what="its end")

    assert ending(system, workflow) == ("completed", "", str(SECOND * 3 + (LEAVES - SECOND) * 2), "1000")
    assert_every_step_completed_once(system, workflow, tmp_path)
    record.assert_nothing_in_progress(system)


def ending(system, workflow):
    """State, error, output and the number of completed steps of a workflow that has ended."""
    [found] = system.sql(
        """SELECT status, error_message, result ->> 'output', result ->> 'completed'
           FROM governance_tasks WHERE id = %s AND completed_at IS NOT NULL
           UNION ALL SELECT NULL, NULL, NULL, NULL LIMIT 1""",
        workflow,
    )
    return found if found[0] else None


def assert_every_step_completed_once(system, workflow, place):
    rows = system.sql(
        """SELECT t.id::text, t.attempts, t.crash_attempts,
             (SELECT count(*) FROM task_events e WHERE e.task_id = t.id AND e.to_status = 'completed')
           FROM governance_tasks t WHERE t.parent_id = %s""",
        workflow,
    )
    begun = Counter(line.split()[0] for line in (place / "runs").read_text().splitlines())
    assert len(rows) == 1000
    assert {completed for *_, completed in rows} == {1}
    # It ran once, and once more for each process that died under it: never beside itself.
    assert all(attempts == 1 + crashes for _, attempts, crashes, _ in rows)
    assert all(begun[task] <= attempts for task, attempts, _, _ in rows)
    assert any(crashes for _, _, crashes, _ in rows)


def has_done(system, workflow, steps):
    [(count,)] = system.sql(
        "SELECT count(*) FROM governance_tasks WHERE parent_id = %s AND status = 'completed'", workflow
    )
    return count >= steps


def recovered(system, workflow):
    [(count,)] = system.sql(
        """SELECT count(*) FROM governance_tasks
           WHERE (parent_id = %s OR id = %s) AND crash_attempts > 0
             AND status IN ('pending', 'in_progress')""",
        workflow,
        workflow,
    )
    return count == 0
