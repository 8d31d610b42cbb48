"""kill -9 of the watchdog that leads, while a worker process is frozen and 500 tasks are in flight."""

import pytest

from tests.faults.system import RECOVERY_SECONDS
from tests.polling import until
from tests.reliability.processes import Program


@pytest.fixture
def standby(system, tmp_path):
    """A second watchdog on the same servers, which does not lead."""
    program = Program(["watchdog_main.py"], folder=tmp_path, **(system.environment | system.urls))
    program.the("worker")
    assert _leader(system) != program.process.pid
    yield program
    program.end()


def test_a_standby_rescues_what_the_killed_leader_would_have(system, standby, load, assert_sound):
    frozen = load.holding_plain()
    held = system.held_by(frozen.pid)
    leader = system.find("watchdog_main.py")
    assert _leader(system) == leader.pid

    frozen.suspend()
    leader.kill()

    until(lambda: load.crashed() == held, timeout=RECOVERY_SECONDS, what="the tasks of the frozen process")
    assert _leader(system) != leader.pid
    frozen.kill()
    load.release()
    load.await_done()
    assert_sound(load)


def _leader(system):
    """The pid of the `watchdog_main.py` that leads."""
    [(owner,)] = until(lambda: system.sql("SELECT owner FROM leadership"), timeout=30, what="a leader")
    return int(owner.split(":")[1])
