"""Whichever process of a cluster dies: it heals, or it ends with an error, and nothing is left over."""

import psutil
import pytest

from tests.polling import until
from tests.reliability.processes import Program, is_living

pytestmark = pytest.mark.slow
BACK_SECONDS = 10


def heals(program: Program, processes: int = 2) -> bool:
    roles = {"worker": processes, "pusher": 1, "monitor": 1}
    return all(len(program.of_role(role)) == count for role, count in roles.items())


def test_a_killed_worker_is_replaced_and_the_new_one_works(start_cluster):
    program = start_cluster("stay")

    program.the("worker").kill()

    until(lambda: len(program.lines("joined")) == 3, timeout=BACK_SECONDS, what="a third process at work")
    assert heals(program)


def test_all_workers_killed_at_once_are_replaced(start_cluster):
    program = start_cluster("stay")

    for worker in program.of_role("worker"):
        worker.kill()

    until(lambda: len(program.lines("joined")) == 4, timeout=BACK_SECONDS, what="two new processes at work")


@pytest.mark.parametrize("role", ["monitor", "pusher"])
def test_a_killed_helper_is_replaced_and_the_workers_do_not_notice(start_cluster, role):
    program = start_cluster("stay")
    victim = program.the(role)
    workers = set(program.of_role("worker"))

    victim.kill()

    until(lambda: heals(program) and program.the(role) != victim, timeout=BACK_SECONDS, what=f"a new {role}")
    assert set(program.of_role("worker")) == workers
    program.the("worker").kill()
    until(lambda: len(program.lines("joined")) == 3, timeout=BACK_SECONDS, what="work for a new process")


def test_a_killed_sentinel_ends_the_cluster_with_an_error_and_without_orphans(start_cluster):
    program = start_cluster("stay")

    program.the("sentinel").kill()

    assert program.process.wait(timeout=BACK_SECONDS) == 1
    assert until(program.leaves_nothing)
    assert "the sentinel died" in program.said()


def test_a_killed_parent_leaves_no_orphan(start_cluster):
    program = start_cluster("stay")

    program.process.kill()

    assert until(program.leaves_nothing)


def test_a_killed_idle_worker_does_not_keep_the_queue_from_the_next(start_cluster):
    program = start_cluster("return_at_once", processes=1, begins_with="returned")
    until(lambda: len(program.lines("returned")) >= 4, what="the burst of orders used up")
    idle = program.the("worker")

    idle.kill()

    until(lambda: not program.lines("returned")[-1].endswith(f" {idle.pid}"), timeout=BACK_SECONDS)


def test_a_killed_idle_monitor_does_not_keep_results_from_the_next(start_cluster):
    program = start_cluster("raise_at_once", processes=1, begins_with="raised")
    until(lambda: program.said().count("Failed 'tests.reliability.drains") >= 4)
    idle = program.the("monitor")

    kill_and_wait(idle)

    before = program.said().count("Failed 'tests.reliability.drains")
    until(lambda: program.said().count("Failed 'tests.reliability.drains") > before + 1, timeout=BACK_SECONDS)


def test_a_function_that_raises_is_called_again_in_the_same_process(start_cluster):
    program = start_cluster("raise_at_once", processes=1, begins_with="raised")

    until(lambda: len(program.lines("raised")) >= 5, timeout=20, what="more calls, at the pace of the order")

    assert len({line.split()[1] for line in program.lines("raised")}) == 1


def test_a_frozen_worker_is_replaced(start_cluster):
    program = start_cluster("stay", JUGGERNAUT_STUCK_SECONDS="2")
    frozen = program.the("worker")

    frozen.suspend()

    until(lambda: len(program.lines("joined")) == 3, timeout=BACK_SECONDS, what="a third process at work")
    assert not is_living(frozen)
    assert f"worker process {frozen.pid} has been stuck for" in program.said()


def test_a_frozen_sentinel_ends_the_cluster_with_an_error(start_cluster):
    program = start_cluster("stay", JUGGERNAUT_STUCK_SECONDS="2")

    program.the("sentinel").suspend()

    assert program.process.wait(timeout=BACK_SECONDS) == 1
    assert until(program.leaves_nothing)
    assert "the sentinel has been stuck" in program.said()


def test_a_queue_that_hands_out_nothing_ends_the_cluster_with_an_error(start_cluster):
    program = start_cluster("stay", JUGGERNAUT_STALLED_CLUSTER_SECONDS="3", JUGGERNAUT_STUCK_SECONDS="2")

    # The first worker takes the order that waits in the queue, and with a frozen pusher there is no other.
    program.the("pusher").suspend()
    for _ in range(2):
        kill_and_wait(program.the("worker"))

    assert program.process.wait(timeout=30) == 1
    assert until(program.leaves_nothing)
    assert "no new process was given work" in program.said()


def test_a_function_that_never_ticks_is_stuck(start_cluster):
    program = start_cluster(
        "never_join",
        processes=1,
        begins_with="entered",
        JUGGERNAUT_STUCK_SECONDS="2",
        JUGGERNAUT_STALLED_CLUSTER_SECONDS="5",
    )

    assert program.process.wait(timeout=30) == 1
    assert until(program.leaves_nothing)
    assert len(program.lines("entered")) >= 2


def test_a_worker_over_its_memory_limit_leaves_in_peace_and_is_replaced(start_cluster):
    program = start_cluster("grow", processes=1, JUGGERNAUT_WORKER_MAX_RSS_MB="120")
    first = program.the("worker")

    until(lambda: len(program.lines("joined")) == 2, timeout=30, what="a second process at work")

    assert program.lines("left-with")[0].endswith(f" {first.pid}")
    assert until(lambda: not is_living(first))
    assert "it finishes what it runs and is replaced" in program.said()


def kill_and_wait(process: psutil.Process) -> None:
    process.kill()
    until(lambda: not is_living(process))
