"""kill -9 of the processes of the workers' cluster, each with 500 tasks in flight."""

import pytest

from tests.faults import record
from tests.faults.system import RECOVERY_SECONDS
from tests.polling import until


def test_a_killed_worker_process_loses_nothing(system, load, assert_sound):
    victim = system.of_role("worker")[0]
    held = system.held_by(victim.pid)

    victim.kill()

    until(lambda: load.crashed() == held, timeout=RECOVERY_SECONDS, what="its tasks taken back")
    until(load.is_in_flight, timeout=RECOVERY_SECONDS, what="its tasks running again")
    load.release()
    load.await_done()
    assert_sound(load)
    record.assert_crashed_once(load, held)


def test_a_killed_sentinel_loses_nothing(system, load, assert_sound):
    workers = system.of_role("worker")

    system.the("sentinel").kill()

    until(lambda: load.crashed() == set(load.ids), timeout=RECOVERY_SECONDS, what="all tasks taken back")
    until(load.is_in_flight, timeout=RECOVERY_SECONDS, what="all tasks running again")
    assert not set(workers) & set(system.of_role("worker"))
    load.release()
    load.await_done()
    assert_sound(load)
    record.assert_crashed_once(load, set(load.ids))


@pytest.mark.parametrize("role", ["monitor", "pusher"])
def test_a_killed_helper_disturbs_no_task(system, load, assert_sound, role):
    victim = system.the(role)

    victim.kill()

    until(lambda: system.the(role) != victim, timeout=RECOVERY_SECONDS, what=f"another {role}")
    load.release()
    load.await_done()
    assert_sound(load)
    record.assert_ran_once(load)
