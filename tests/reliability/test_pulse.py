"""The shared memory between a cluster and its processes."""

import math
import multiprocessing
import os
import time

import pytest

from reliability.cluster import shared_state

fork = multiprocessing.get_context("fork")


@pytest.fixture
def shared() -> shared_state.ClusterState:
    return shared_state.begin(slots=2)


def test_without_a_cluster_a_function_can_join_and_nobody_asks_it_to_leave(shared):
    beat = shared_state.join()

    assert not beat.should_leave
    assert beat.leave_by == math.inf


def test_joining_again_keeps_the_slot(shared):
    shared_state.join()
    shared_state.join()

    assert [slot.pid for slot in shared.slots()] == [os.getpid()]


def test_joining_and_ticking_are_signs_of_life(shared):
    beat = shared_state.join()
    [slot] = shared.slots()
    joined_at = slot.heard_at

    beat.tick()

    assert joined_at >= slot.born_at > 0
    assert slot.heard_at > joined_at


def test_a_stop_reaches_another_process_with_its_deadline(shared):
    child = fork.Process(target=lambda: os._exit(shared_state.join().should_leave))
    asked_at = time.monotonic()

    shared.ask_to_leave(within_seconds=5)
    child.start()
    child.join()

    assert child.exitcode == 1
    assert shared_state.join().leave_by >= asked_at + 5


def test_one_process_can_be_asked_to_leave_alone(shared):
    beat = shared_state.join()
    [slot] = shared.slots()

    slot.leave_by = time.monotonic() + 3

    assert beat.should_leave
    assert beat.leave_by == slot.leave_by
    assert not shared.is_stopping


def test_a_tick_in_a_child_is_seen_by_the_parent(shared):
    child = fork.Process(target=_adopt_and_join, args=(shared.take_slot(),))

    child.start()
    child.join()

    [slot] = shared.slots()
    assert slot.pid == child.pid
    assert slot.ticked_at > 0


def test_the_slot_of_a_dead_process_is_taken_again_and_clean(shared):
    child = fork.Process(target=_adopt_and_join, args=(shared.take_slot(),))
    child.start()
    child.join()

    slot = shared.take_slot()

    assert slot.pid == child.pid
    assert (slot.ticked_at, slot.leave_by, slot.is_staying) == (0, 0, 0)


def test_there_is_no_slot_while_all_their_processes_live(shared):
    for slot in (shared.take_slot(), shared.take_slot()):
        slot.pid = os.getpid()
        shared_state.adopt(slot)
    shared.take_slot().pid = os.getpid() if not list(shared.slots()) else os.getppid()

    with pytest.raises(RuntimeError, match="every slot"):
        shared.take_slot()


def test_somebody_stays_from_joining_until_the_next_order_is_awaited(shared):
    assert not shared_state.is_anybody_staying()

    shared_state.join()
    assert shared_state.is_anybody_staying()

    shared_state.rest()
    assert not shared_state.is_anybody_staying()


def _adopt_and_join(slot: shared_state.ProcessSlot) -> None:
    shared_state.adopt(slot)
    shared_state.join()
