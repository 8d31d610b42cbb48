"""Tasks that take their process down, beside 500 others in flight."""

import pytest

from tests.faults.system import DONE_SECONDS, RECOVERY_SECONDS
from tests.polling import until

THREE_TIMES = "killed its worker process 3 times"


@pytest.mark.parametrize("settings_of_machine", [{"JUGGERNAUT_STUCK_SECONDS": "4"}])
def test_a_process_whose_event_loop_is_blocked_is_replaced(system, load, assert_sound):
    workers = set(system.of_role("worker"))

    [blocker] = system.submit([{"task_type": "misbehave", "payload": {"how": "block"}}])

    until(load.crashed, timeout=RECOVERY_SECONDS, what="its neighbours taken back")
    assert workers - set(system.of_role("worker"))
    load.release()
    load.await_done()
    until(
        lambda: system.ask(f"/api/tasks/{blocker}")["status"] == "failed",
        timeout=60,
        what="the end of the blocker",
    )
    assert system.ask(f"/api/tasks/{blocker}")["error_message"] == THREE_TIMES
    assert_sound(load)


def test_a_poisonous_task_fails_after_three_crashes_and_takes_no_other_along(system, load, assert_sound):
    [poison] = system.submit([{"task_type": "misbehave", "payload": {"how": "kill"}, "priority": 100}])

    until(lambda: 2 in load.crashes(), timeout=DONE_SECONDS, what="two crashes under innocents")
    load.release()

    assert system.await_failed(poison) == THREE_TIMES
    load.await_done()
    assert_sound(load)
