"""Connections to PostgreSQL cut while a statement runs on them, again and again."""

import psycopg2

from tests.faults.system import DONE_SECONDS, Batch
from tests.polling import until

TASKS = 3000
CUTS = 12
LOOKS = 300
_CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE state = 'active' AND pid <> pg_backend_pid() AND query ~ 'EXECUTE juggernaut_|governance_tasks'"""


def test_connections_that_break_in_mid_statement_lose_and_double_nothing(system, assert_sound):
    system.sql("UPDATE worker_registry SET status = 'paused'")
    batch = Batch(system, [{"task_type": "wait", "payload": {"seconds": 0.5}}] * TASKS)
    system.sql("UPDATE worker_registry SET status = 'active'")
    cuts = 0

    def cut_often_enough():
        nonlocal cuts
        cuts += _cut(system)
        return cuts >= CUTS

    until(cut_often_enough, timeout=DONE_SECONDS, what="connections cut often enough")

    batch.await_done()
    assert_sound(batch)
    assert batch.attempts() == {1}


def _cut(system):
    """Look closely for a short time; how many connections were cut."""
    connection = psycopg2.connect(system.urls["DATABASE_URL"])
    connection.autocommit = True
    with connection.cursor() as cursor:
        cut = 0
        for _ in range(LOOKS):
            cursor.execute(_CUT)
            cut += cursor.rowcount
    connection.close()
    return cut
