"""A worker process that stands still past its leases, with 500 tasks in flight."""

from tests.faults.system import RECOVERY_SECONDS
from tests.polling import until


def test_a_frozen_worker_loses_its_tasks_and_its_late_results_are_kept_apart(system, loaded, assert_sound):
    load = loaded()
    frozen = next(
        process for process in system.of_role("worker") if system.held_by(process.pid) & load.plain_ids
    )
    held = system.held_by(frozen.pid)

    frozen.suspend()

    until(lambda: load.crashed() == held, timeout=RECOVERY_SECONDS, what="its tasks taken back")
    load.release()
    load.await_done()
    frozen.resume()

    until(lambda: load.late() >= held & load.plain_ids, timeout=30, what="what it brought back too late")
    assert load.late() <= held
    assert_sound(load, late=True)
    system.await_workers()
    again = loaded()
    again.release()
    again.await_done()
    assert_sound(again)
