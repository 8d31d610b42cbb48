"""The sliding window: places, what is claimed ahead, and who holds what."""

import asyncio
import time

from reliability.engine.slots import MAX_AHEAD, Running, Slots
from tests.reliability.engine.attempts import claimed, context_of


def window(**concurrency):
    made = Slots(tuple(concurrency))
    made.concurrency.update(concurrency)
    return made


def run(made, *tasks):
    """Add these and start what fits; returns the entries that run."""
    made.add(list(tasks))
    started = [Running(task, context_of(task)) for task in made.startable()]
    for entry in started:
        made.start(entry)
    return started


def test_there_is_room_for_the_concurrency_of_each_worker():
    assert window(EXECUTOR=3, ANALYST=1).room() == {"EXECUTOR": 3, "ANALYST": 1}


def test_before_the_first_heartbeat_there_is_room_for_one():
    assert Slots(("EXECUTOR",)).room() == {"EXECUTOR": 1}


def test_what_runs_and_what_waits_takes_up_room():
    made = window(EXECUTOR=2)

    started = run(made, *(claimed() for _ in range(3)))

    assert len(started) == 2
    assert made.room() == {"EXECUTOR": 0}
    assert len(made) == 3


def test_an_ended_task_makes_room_once():
    made = window(EXECUTOR=2)
    [entry] = run(made, claimed())

    made.end(entry)
    made.end(entry)
    made.add([])

    assert made.room() == {"EXECUTOR": 2}
    assert len(made) == 0


def test_short_tasks_are_claimed_ahead_as_many_as_just_ended():
    made = window(EXECUTOR=2)
    for entry in run(made, claimed(), claimed()):
        made.end(entry)

    assert made.room() == {"EXECUTOR": 4}


def test_no_more_than_a_bound_is_claimed_ahead():
    made = window(EXECUTOR=1000)
    for entry in run(made, *(claimed() for _ in range(1000))):
        made.end(entry)

    assert made.room() == {"EXECUTOR": 1000 + MAX_AHEAD}


def test_nothing_is_claimed_ahead_while_long_tasks_run():
    made = window(EXECUTOR=2)
    run(made, claimed(), claimed())

    assert made.room() == {"EXECUTOR": 0}


def test_each_worker_has_its_own_places():
    made = window(EXECUTOR=1, ANALYST=1)

    started = run(made, claimed(), claimed(), claimed(worker_id="ANALYST"))

    assert sorted(entry.task.worker_id for entry in started) == ["ANALYST", "EXECUTOR"]


def test_a_lower_concurrency_starts_nothing_until_enough_have_ended():
    made = window(EXECUTOR=3)
    entries = run(made, claimed(), claimed(), claimed())
    made.concurrency["EXECUTOR"] = 1
    waiting = claimed()

    assert made.room() == {"EXECUTOR": 0}
    assert run(made, waiting) == []
    for entry in entries[:2]:
        made.end(entry)
    assert made.startable() == []
    made.end(entries[2])
    assert made.startable() == [waiting]


def test_what_waits_is_taken_out_once():
    made = window(EXECUTOR=1)
    tasks = [claimed() for _ in range(3)]
    run(made, *tasks)

    assert made.take_waiting() == tasks[1:]
    assert made.take_waiting() == []


def test_what_was_lost_while_it_waited_is_not_started():
    made = window(EXECUTOR=1)
    first, lost, kept = claimed(), claimed(), claimed()
    [running] = run(made, first, lost, kept)

    made.drop_waiting({lost.id: lost.token})
    made.end(running)

    assert made.startable() == [kept]


def test_what_is_held_for_long_is_known_with_its_token():
    made = window(EXECUTOR=1)
    running, waiting = claimed(token=3), claimed(token=5)
    run(made, running, waiting)

    assert made.held_longer_than(0) == {running.id: 3, waiting.id: 5}
    assert made.held_longer_than(3600) == {}


def test_a_suspect_is_here_from_the_moment_it_was_claimed():
    made = window(EXECUTOR=1)
    assert not made.has_suspect

    [entry] = run(made, claimed(), claimed(crash_attempts=2))
    assert made.has_suspect

    made.end(entry)
    [suspect] = run(made)
    assert made.has_suspect
    made.end(suspect)
    assert not made.has_suspect


def test_a_suspect_that_got_on_makes_room_for_the_next():
    made = window(EXECUTOR=1)
    [suspect] = run(made, claimed(crash_attempts=2))
    assert made.has_suspect

    suspect.context.crash_attempts = 0

    assert not made.has_suspect


def test_a_task_claimed_again_by_the_same_process_stops_its_former_run_and_costs_one_place():
    """Its lease was lost (frozen process, edit in SQL), and this process was the next to claim it."""
    made = window(EXECUTOR=2)
    former = claimed(token=1)
    [old] = run(made, former)

    [new] = run(made, former._replace(token=2))

    assert old.context.is_stopped
    assert not new.context.is_stopped
    assert made.held_longer_than(0) == {former.id: 2}
    made.end(old)
    made.add([])
    assert made.room() == {"EXECUTOR": 1}
    made.end(new)
    made.add([])
    assert made.room() == {"EXECUTOR": 2}


def test_stopping_a_task_that_has_no_job_yet_is_remembered():
    entry = Running(claimed(), context_of(claimed()))

    entry.stop()

    assert entry.context.is_stopped


def test_stopping_a_task_cancels_its_job():
    async def stop():
        entry = Running(claimed(), context_of(claimed()))
        entry.job = asyncio.create_task(asyncio.sleep(3600))
        entry.stop()
        await asyncio.wait([entry.job])
        return entry.job.cancelled()

    assert asyncio.run(stop())


def test_what_waited_too_long_is_taken_out_and_what_was_just_claimed_is_not(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    made = window(EXECUTOR=1)
    old, young = claimed(), claimed()
    run(made, claimed(), old)
    now = 1001.0
    made.add([young])

    taken = made.take_waiting(longer_than=1.0)

    assert taken == [old]
    assert made.take_waiting() == [young]


def test_the_time_that_a_task_waited_counts_against_its_deadline(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    made = window(EXECUTOR=1)
    made.add([claimed(deadline_in=5.0)])
    now = 1002.0

    (task,) = made.startable()

    assert task.deadline_in == 3.0
