"""Rows of running tasks locked by somebody, for longer than their leases last."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest

from tests.faults.system import Load, System
from tests.polling import until

TASKS = 40
ALL = """
UPDATE governance_tasks SET title = title WHERE status = 'in_progress';
UPDATE worker_processes SET host = host;
UPDATE worker_registry SET description = description;
UPDATE leadership SET since = since"""


@contextmanager
def locked(system: System, statement: str) -> Iterator[None]:
    """What the statement touches is locked while the block runs; nothing is changed."""
    with closing(psycopg2.connect(system.urls["DATABASE_URL"])) as session:
        with session.cursor() as cursor:
            cursor.execute(statement)
        yield
        session.rollback()


def run_out(system: System) -> set[str]:
    """The running tasks whose leases have run out."""
    rows = system.sql("SELECT id::text FROM governance_tasks WHERE lease_expires_at < now()")
    return {task for (task,) in rows}


def await_sweeps(system: System, *, count: int) -> None:
    """Wait until the watchdog has swept so often from now on."""
    [(last,)] = system.sql("SELECT coalesce(max(id), 0) FROM watchdog_sweeps")
    swept = "SELECT count(*) >= %s FROM watchdog_sweeps WHERE id > %s"
    until(lambda: system.sql(swept, count, last) == [(True,)], timeout=60, what=f"{count} sweeps")


@pytest.mark.parametrize("which", ["one row", "all rows"])
def test_a_lock_costs_no_attempt_and_no_crash_however_long_it_is_held(which, system, loaded, assert_sound):
    load: Load = loaded(tasks=TASKS)
    held = load.ids[1]
    statement = ALL if which == "all rows" else f"SELECT FROM governance_tasks WHERE id = '{held}' FOR UPDATE"
    concerned = set(load.ids) if which == "all rows" else {held}

    with locked(system, statement):
        until(lambda: run_out(system) == concerned, timeout=60, what="leases that ran out")
        await_sweeps(system, count=2)
        assert run_out(system) == concerned
        [quick] = system.submit([{"task_type": "noop", "payload": {}}])
        until(lambda: system.ask(f"/api/tasks/{quick}")["status"] == "completed", what="another task done")
    until(lambda: not run_out(system), timeout=30, what="leases that are renewed again")
    await_sweeps(system, count=2)
    load.release()

    load.await_done()
    assert_sound(load)
    assert (load.crashes(), load.attempts()) == ({0}, {1})
