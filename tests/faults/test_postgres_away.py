"""PostgreSQL restarted, killed and standing still, and its notification lost, each with 500 tasks in
flight."""

import signal
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults import record
from tests.polling import until


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["restarted", "killed"])
def test_tasks_run_on_while_postgresql_is_away(system, load, assert_sound, how):
    server = system.find("bin/postgres")

    server.send_signal(how)
    server.wait(30)
    until(system.is_up, timeout=60, what="PostgreSQL back")

    load.release()
    load.await_done()
    assert_sound(load)
    record.assert_ran_once(load)
    assert not load.crashed()


def test_leases_that_ran_out_while_postgresql_stood_still_are_no_crashes(system, load, assert_sound):
    [(last_end,)] = system.sql("SELECT max(lease_expires_at) FROM governance_tasks")
    server, workers = system.find("bin/postgres"), system.of_role("worker")
    servers = [server, *server.children(recursive=True)]

    for process in [*servers, *workers]:
        process.suspend()
    all_ended = last_end + timedelta(seconds=2)  # some may have been renewed since
    until(lambda: datetime.now(UTC) > all_ended, timeout=30, what="every lease run out")
    for process in servers:
        process.resume()
    back_at = datetime.now(UTC)
    until(lambda: _sweeps(system, since=back_at), timeout=30, what="a look of the watchdog first")
    for worker in workers:
        worker.resume()

    until(lambda: _all_renewed(system), timeout=30, what="every lease renewed")
    rescuing = "counts ? 'rescued'"
    until(lambda: _sweeps(system, rescuing, since=back_at), timeout=30, what="leases taken away again")
    load.release()
    load.await_done()
    assert_sound(load)
    record.assert_ran_once(load)


def _sweeps(system, condition="true", *, since):
    return system.sql(f"SELECT id FROM watchdog_sweeps WHERE started_at > %s AND {condition}", since)


def _all_renewed(system):
    late = "SELECT id FROM governance_tasks WHERE status = 'in_progress' AND lease_expires_at < now()"
    return not system.sql(late)


def test_a_lost_doorbell_is_only_a_delay(system, load, assert_sound, loaded, is_pooled):
    if is_pooled:
        pytest.skip("behind a pooler nobody listens")
    listeners = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"
    assert len(system.sql(listeners)) == 2

    meanwhile = loaded(tasks=50)

    for each in (load, meanwhile):
        each.release()
        each.await_done()
    assert_sound(load, meanwhile)
    record.assert_ran_once(load)
    record.assert_ran_once(meanwhile)
