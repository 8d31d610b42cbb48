"""The acceptance table of the runbook, a test a row: the command as it is printed, and what must be true.

Here are the rows of a system that is well; `test_acceptance_incidents.py` has those of its incidents. What a
row promises beyond its command (races, crashes, outages) is tested where that part of the system is.
"""

import json
import re
import sys
from datetime import UTC, datetime

import pytest

from tests.polling import until
from tests.runbook import site, test_acceptance_incidents
from tests.runbook.acceptance import printed, row, tested
from tests.runbook.conftest import Stage
from tests.runbook.document import PATH
from tests.runbook.rows import ROWS

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@row(1)
def test_01_the_database_answers_and_its_url_has_a_user(calm: Stage):
    answered, user = printed(calm, 1)

    assert "(1 row)" in answered
    assert user.startswith("postgresql://juggernaut:")


@row(2)
def test_02_the_database_is_described(calm: Stage):
    [said] = printed(calm, 2)

    assert re.search(r"reachable: PostgreSQL [\d.]+ answered", said)
    assert re.search(r"\d+ of 200 connections used", said)
    assert "juggernaut workers" in said
    assert re.search(r"all \d+ migrations are applied", said)


@row(13)
def test_13_the_pattern_finds_the_supervising_process_alone(calm: Stage):
    [said] = printed(calm, 13)

    lines = said.splitlines()
    assert len(lines) == 2
    pid, rss, command = lines[1].split(maxsplit=2)
    assert int(pid) == calm.site.machine.pid
    assert int(rss) > 0
    assert command.endswith("python main.py")


@row(16)
def test_16_slow_queries_are_shown_or_it_is_said_how_to_record_them(calm: Stage):
    """The columns are called otherwise since PostgreSQL 13, so the line fails as it is printed."""
    old = calm.terminal.run(ROWS[16][0])
    told = calm.terminal.type("python manage.py diagnose performance")

    assert old.status == 1
    assert "does not exist" in old.err
    assert "pg_stat_statements" in told


@row(17)
def test_17_the_watchdog_is_seen_and_a_second_one_stands_by(calm: Stage):
    listed, second = ROWS[17]
    assert "python watchdog_main.py" in calm.terminal.type(listed)

    connected = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%watchdog%'"
    leads = "SELECT owner FROM leadership WHERE name = 'watchdog' AND expires_at > now()"
    before, leader = int(calm.site.sql(connected)), calm.site.sql(leads)

    calm.note(running := calm.terminal.start(second))

    until(lambda: int(calm.site.sql(connected)) > before, timeout=60, what="a watchdog that stands by")
    assert running.is_running
    assert calm.site.sql(leads) == leader


@row(18, 19)
def test_18_and_19_the_watchdog_beats_in_redis_and_in_the_registry(calm: Stage):
    [beat], [registry] = printed(calm, 18), printed(calm, 19)

    at = datetime.fromisoformat(beat.strip())
    assert at.utcoffset() is not None
    assert abs((datetime.now(UTC) - at).total_seconds()) < 15
    heard = re.search(r"WATCHDOG +\| (\S+ \S+)", registry)
    assert heard
    assert abs((datetime.fromisoformat(heard[1]) - at).total_seconds()) < 15


@row(20)
def test_20_redis_answers(calm: Stage):
    assert printed(calm, 20) == ["PONG\n"]


@row(21)
def test_21_the_watchdog_has_a_row_for_each_duty(calm: Stage):
    [said] = printed(calm, 21)

    for duty in ("watchdog.rescued", "watchdog.expired", "watchdog.redriven", "watchdog.breakers"):
        assert duty in said


@row(26)
def test_26_health_has_an_entry_for_each_dependency_and_duty(calm: Stage):
    [said] = printed(calm, 26)

    told = json.loads(said)
    assert told["status"] == "ok"
    for name in ("database", "redis", "workers", "watchdog", "queue", "breakers", "budgets"):
        assert told[name]["status"] == "ok", name


@row(27)
def test_27_an_error_is_one_line_with_the_task(calm: Stage):
    calm.note(running := calm.terminal.start(ROWS[27][0]))
    made = calm.site.sql(
        "INSERT INTO governance_tasks (task_type, payload) "
        "VALUES ('misbehave', '{\"how\": \"permanent\"}') RETURNING id"
    )

    until(lambda: f"task={made}" in running.said, timeout=60, what="the error")

    [line] = [line for line in running.said.splitlines() if f"task={made}" in line]
    assert " ERROR " in line
    assert "it was told to fail for good" in line
    calm.site.sql("UPDATE dead_letter_queue SET status = 'resolved' WHERE status <> 'resolved'")


@row(28)
def test_28_a_test_task_is_created_and_completes_with_its_verdict(calm: Stage):
    created = json.loads(calm.terminal.type(ROWS[28][0]))

    asked = f"curl -sf {created['url']}"
    told = until(
        lambda: (found := json.loads(calm.terminal.type(asked)))["status"] == "completed" and found,
        timeout=60,
        what="a completed task",
    )
    assert told["result"]["passed"] is True


@row(29)
def test_29_the_linked_documents_exist(request: pytest.FixtureRequest):
    text = PATH.read_text()

    for link in ROWS[29]:
        assert f"]({link})" in text
        assert (PATH.parent / link).resolve().is_file(), link


@row(3)
def test_03_a_restart_loses_nothing_and_repeats_nothing(calm: Stage):
    stop, start = ROWS[3]
    made = calm.site.sql(
        "INSERT INTO governance_tasks (task_type, payload, timeout_seconds) "
        "VALUES ('wait', '{\"seconds\": 3000}', 3600) RETURNING id"
    )
    calm.site.await_tasks(1, f"id = '{made}' AND status = 'in_progress'")
    family = calm.site.machine.processes()

    calm.terminal.type(stop)

    assert calm.site.machine.exit_status() == 0
    assert not [process for process in family if process.is_running()]
    assert start == site.START
    calm.site.machine.start()
    calm.site.machine.await_running()
    again = f"SELECT status, attempts, crash_attempts FROM governance_tasks WHERE id = '{made}'"
    until(lambda: calm.site.sql(again) == "in_progress|1|0", timeout=60, what="the task given back")
    calm.site.sql(f"UPDATE governance_tasks SET status = 'cancelled' WHERE id = '{made}'")


def test_every_row_of_the_table_has_its_test():
    assert sorted(tested) == sorted(ROWS) == list(range(1, 30))
    here = {*dir(sys.modules[__name__]), *dir(test_acceptance_incidents)}
    assert set(tested.values()) <= here
