"""A failover to a standby that cannot be written yet, with tasks in flight: everybody waits and goes on."""

from tests.faults import record
from tests.polling import until

SAID = "database is read-only"
READ_ONLY = "ALTER DATABASE juggernaut SET default_transaction_read_only = on"
WRITABLE = "BEGIN READ WRITE; ALTER DATABASE juggernaut RESET default_transaction_read_only; COMMIT"
# As a failover does: every session ends, and comes back to the other server.
END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def test_a_read_only_database_is_an_outage_that_ends_by_itself(system, loaded, assert_sound):
    load = loaded(tasks=50)
    system.sql(READ_ONLY)
    system.sql(END_SESSIONS)

    until(lambda: _database(system).startswith(SAID), timeout=30, what="health to say so")
    refused = system.ask(
        "/api/tasks", body={"title": "now", "task_type": "hold", "payload": {"place": str(load.place)}}
    )
    ready = system.ask("/health/ready")
    load.release()
    until(lambda: SAID in system.log_path.read_text(), timeout=30, what="the log to say so")
    system.sql(WRITABLE)
    system.sql(END_SESSIONS)

    load.await_done()
    assert (refused["status"], refused["detail"]) == (503, f"{SAID}; try again in a moment")
    assert ready["status"] == "down"
    until(lambda: _database(system).endswith("in use"), timeout=30, what="health to be well again")
    assert "Traceback" not in system.log_path.read_text()
    assert_sound(load)
    record.assert_ran_once(load)
    assert not load.crashed()


def _database(system):
    return system.ask("/health")["database"]["detail"]
