"""`main.py` killed, all of it killed, and a stop in the middle, each with 500 tasks in flight."""

import contextlib
import signal

import psutil
import pytest

from tests.faults import record
from tests.faults.system import IN_FLIGHT, RECOVERY_SECONDS
from tests.polling import until


def test_a_killed_supervisor_started_again_loses_nothing(system, load, assert_sound):
    system.send(signal.SIGKILL)
    system.exit_status()

    # Its web server gives the port back at once; its workers may still be leaving.
    until(lambda: not system.accepts(), timeout=30, what="the port free again")
    system.start()
    system.await_running()

    until(load.is_in_flight, timeout=RECOVERY_SECONDS, what="all tasks running again")
    load.release()
    load.await_done()
    assert_sound(load)


def test_a_machine_killed_whole_and_started_again_loses_nothing(system, load, assert_sound):
    for process in system.processes():
        with contextlib.suppress(psutil.NoSuchProcess):  # it died with its parent
            process.kill()
    system.exit_status()
    until(lambda: not system.leftovers(), timeout=30, what="nothing left of it")

    system.start()
    system.await_running()

    until(lambda: load.crashed() == set(load.ids), timeout=RECOVERY_SECONDS, what="all tasks taken back")
    load.release()
    load.await_done()
    assert_sound(load)
    record.assert_crashed_once(load, set(load.ids))


@pytest.mark.parametrize("settings_of_machine", [{"JUGGERNAUT_GRACE_SECONDS": "8"}])
def test_a_stop_in_the_middle_finishes_or_gives_back_without_counting(system, loaded, assert_sound):
    ending, staying = loaded(tasks=IN_FLIGHT // 2), loaded(tasks=IN_FLIGHT // 2)
    processes = system.processes()

    system.send(signal.SIGTERM)
    until(lambda: all(not rows for rows in [system.worker_rows()]), what="the workers leaving")
    ending.release()

    assert system.exit_status() == 0
    until(lambda: not any(process.is_running() for process in processes), what="no process left")
    system.start()
    system.await_running()
    assert ending.count("completed") == len(ending.ids)
    until(staying.is_in_flight, timeout=RECOVERY_SECONDS, what="what was given back running again")
    staying.release()
    staying.await_done()
    assert_sound(ending, staying)
    record.assert_ran_once(ending)
    assert staying.attempts() == {1}
    assert not staying.crashed()
    assert set(staying.runs().values()) == {2}
