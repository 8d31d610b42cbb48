"""kill -9 of worker processes while a workflow of 1,000 steps fans out and in."""

from collections import Counter

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

    try:
        _kill(system, workflow)
    except AssertionError:
        print(
            system.sql(
                "SELECT status, waiting_for, error_message, wait FROM governance_tasks WHERE id=%s", workflow
            )
        )
        print(
            system.sql(
                "SELECT status, waiting_for, left(error_message,100), crash_attempts, count(*), min(title) FROM governance_tasks WHERE parent_id=%s group by 1,2,3,4",
                workflow,
            )
        )
        print(system.log_path.read_text()[-6000:])
        raise


def _kill(system, workflow):
    for number in range(1, KILLS + 1):
        until(
            lambda n=number: done(system, workflow) >= n * 150, timeout=40, what=f"{number * 150} steps done"
        )
        system.of_role("worker")[0].kill()
    until(
        lambda: status(system, workflow) not in {"pending", "parked", "in_progress"},
        timeout=240,
        what="its end",
    )

    [(ended, output, completed)] = system.sql(
        "SELECT status, result ->> 'output', result ->> 'completed' FROM governance_tasks WHERE id = %s",
        workflow,
    )
    assert (ended, int(output), int(completed)) == ("completed", SECOND * 3 + (LEAVES - SECOND) * 2, 1000)
    assert_every_step_completed_once(system, workflow, tmp_path)
    record.assert_nothing_in_progress(system)


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


def done(system, workflow):
    [(count,)] = system.sql(
        "SELECT count(*) FROM governance_tasks WHERE parent_id = %s AND status = 'completed'", workflow
    )
    return count


def status(system, workflow):
    [(found,)] = system.sql("SELECT status FROM governance_tasks WHERE id = %s", workflow)
    return found
