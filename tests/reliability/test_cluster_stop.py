"""A cluster that is told to stop ends, with status 0, within the grace time."""

import signal

import psutil
import pytest

from tests.polling import until
from tests.reliability.processes import title

pytestmark = pytest.mark.slow
GRACE_SECONDS = 4


def test_sigterm_lets_the_drains_leave_and_exits_0(start_cluster):
    program = start_cluster("stay")

    program.process.terminate()

    assert program.process.wait(timeout=GRACE_SECONDS) == 0
    assert len(program.lines("left")) == 2
    assert until(program.leaves_nothing)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("_attempt", range(3))
def test_a_signal_to_the_whole_process_group_ends_it_the_same(start_cluster, number, _attempt):
    program = start_cluster("stay")

    program.signal_group(number)

    assert program.process.wait(timeout=GRACE_SECONDS) == 0
    assert len(program.lines("left")) == 2
    assert until(program.leaves_nothing)


def test_a_second_signal_changes_nothing(start_cluster):
    program = start_cluster("stay")

    program.process.terminate()
    program.signal_group(signal.SIGTERM)

    assert program.process.wait(timeout=GRACE_SECONDS) == 0
    assert len(program.lines("left")) == 2


def test_a_signal_while_it_starts_ends_it_too(start_cluster, start):
    program = start("-m", "tests.reliability.cluster_program", "stay", "2")
    program.the("sentinel")

    program.signal_group(signal.SIGTERM)

    assert program.process.wait(timeout=GRACE_SECONDS) == 0
    assert until(program.leaves_nothing)


def test_a_drain_that_overstays_the_grace_time_is_killed(start_cluster):
    program = start_cluster("overstay")

    program.process.terminate()

    assert program.process.wait(timeout=GRACE_SECONDS + 2) == 0
    assert until(program.leaves_nothing)
    assert "did not stop within 4 seconds" in program.said()


@pytest.mark.parametrize("role", ["sentinel", "worker", "pusher", "monitor"])
def test_a_frozen_process_does_not_keep_it_from_ending(start_cluster, role):
    program = start_cluster("stay")
    program.the(role).suspend()

    program.process.terminate()

    assert program.process.wait(timeout=GRACE_SECONDS + 2) == 0
    assert until(program.leaves_nothing)


def test_a_killed_worker_does_not_keep_it_from_ending(start_cluster):
    program = start_cluster("stay", processes=1)

    program.the("pusher").suspend()
    program.the("worker").kill()
    program.process.terminate()

    assert program.process.wait(timeout=GRACE_SECONDS + 2) == 0
    assert until(program.leaves_nothing)


def test_every_process_has_a_title_of_its_own_and_none_is_main_py(start_cluster):
    program = start_cluster("stay")

    titles = sorted(title(process) for process in program.family())

    assert title(psutil.Process(program.process.pid)) == "juggernaut test"
    assert titles == [
        f"juggernaut test: {role}" for role in ("monitor", "pusher", "sentinel", "worker", "worker")
    ]
