"""`manage.py diagnose`: what it finds, on a system that works and on one that does not."""

import json
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from governance.models import Task, ToolPermission, Worker, WorkerProcess
from monitoring import diagnosis
from monitoring.diagnosis import Severity, findings, sections
from monitoring.diagnosis.areas import budgets, database, performance
from reliability.models import Leadership, WatchdogSweep
from tests.monitoring.conftest import frozen

NOWHERE = 1


def look(name):
    return diagnosis.run([name])[0]


def said(name):
    return " | ".join(finding.said for finding in look(name).findings)


def printed(capsys, *arguments):
    """What the command prints, and its exit status."""
    try:
        call_command("diagnose", *arguments)
    except SystemExit as ended:
        return capsys.readouterr().out, ended.code
    return capsys.readouterr().out, 0


def test_a_database_that_works_is_told_with_version_connections_holders_and_migrations(living_system):
    found = look("database")

    assert found.severity == Severity.OK
    told = [finding.said for finding in found.findings]
    assert told[0].startswith("reachable: PostgreSQL ")
    assert " connections used" in told[1]
    assert any("juggernaut probe" in line for line in found.findings[1].evidence)
    assert told[2].endswith("migrations are applied")


def test_a_database_that_is_away_is_critical_in_the_runbook_s_words(living_system, database_at):
    database_at(NOWHERE)

    found = look("database")

    assert found.severity == Severity.CRITICAL
    assert found.findings[0].said.startswith("database connection failed: ")
    assert found.findings[0].remedies[0].command == 'psql $DATABASE_URL -c "SELECT 1"'


def test_no_password_is_ever_told(living_system, monkeypatch, capsys):
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", "hunter2")
    monkeypatch.setitem(connection.settings_dict, "PORT", str(NOWHERE))

    text, status = printed(capsys)

    assert status == 1
    assert "hunter2" not in text


def test_a_frozen_database_is_given_up_on(living_system, database_at, postgres, monkeypatch):
    monkeypatch.setattr(database, "PROBE_SECONDS", 0.3)
    database_at(postgres.port)

    with frozen(postgres):
        assert said("database") == "database connection failed: no answer within 0.3 s"


@pytest.fixture
def empty_database(monkeypatch, postgres, living_system):
    """A server on which nothing was ever migrated."""
    import dj_database_url

    for name, value in dj_database_url.parse(postgres.url).items():
        if name in {"HOST", "PORT", "USER", "PASSWORD", "NAME"}:
            monkeypatch.setitem(connection.settings_dict, name, value)


def test_missing_migrations_are_critical_and_named(empty_database):
    finding = look("database").findings[-1]

    assert finding.severity == Severity.CRITICAL
    assert "not applied" in finding.said
    assert any(line.startswith("admin.0001") for line in finding.evidence)
    assert finding.remedies[0].command == "python manage.py migrate"


def test_a_section_that_needs_the_tables_says_that_they_are_not_there(empty_database):
    finding = look("workers").findings[0]

    assert finding.said.startswith("the database cannot be used: ")
    assert finding.remedies[0].command == "python manage.py migrate"


def test_a_transaction_that_lingers_is_told_with_what_ends_it(living_system):
    found = [{"pid": 7, "application": "psql", "state": "idle in transaction", "age": timedelta(minutes=5)}]

    finding = database._lingering([found[0] | {"query": "BEGIN", "blocked_by": 0}])[0]

    assert finding.severity == Severity.WARNING
    assert "pg_terminate_backend(7)" in finding.remedies[0].command


def test_connections_that_run_out_are_a_warning():
    holder = {
        "application": "web", "account": "a", "address": "b", "database": "c", "connections": 90, "active": 1,
    }  # fmt: skip

    finding = database._connections({"allowed": 100, "reserved": 3}, [holder])

    assert finding.severity == Severity.WARNING
    assert finding.said.startswith("90 of 100 connections used")


def test_without_redis_the_system_goes_on_so_it_is_only_a_warning(settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{NOWHERE}/0"

    found = look("redis")

    assert found.severity == Severity.WARNING
    assert "redis connection failed" in found.findings[0].said


def test_redis_that_works_is_told_with_version_and_memory():
    found = look("redis")

    assert found.severity == Severity.OK
    assert found.findings[0].said.startswith("reachable: Redis ")


def test_workers_without_any_process_are_critical_with_the_command_that_starts_them(living_system, silence):
    assert look("workers").severity == Severity.OK

    silence(process=11)

    finding = look("workers").findings[0]
    assert finding.severity == Severity.CRITICAL
    assert "manage.py run_workers" in finding.remedies[0].command


def test_a_worker_without_a_process_and_a_paused_one_are_named(living_system):
    WorkerProcess.objects.update(worker_ids=["EXECUTOR", "ANALYST", "STRATEGIST"])
    Worker.objects.filter(pk="STRATEGIST").update(status="paused")
    Task.objects.create(task_type="evaluation", assigned_worker="STRATEGIST")

    told = said("workers")

    assert "no process serves ORCHESTRATOR" in told
    assert "STRATEGIST is paused and due tasks wait for it" in told


def test_a_watchdog_at_work_is_told_with_leader_and_sweeps(living_system):
    in_a_minute = timezone.now() + timedelta(minutes=1)
    Leadership.objects.create(name="watchdog", owner="here:1", expires_at=in_a_minute)
    WatchdogSweep.objects.create(leader="here:1", duration_ms=4, counts={"rescued": 3, "rung": 0})

    told = said("watchdog")

    assert "(worker_registry)" in told
    assert "here:1 leads" in told
    assert look("watchdog").findings[-1].evidence[0].endswith("4 ms: rescued 3")


def test_a_silent_watchdog_is_critical_and_a_failed_duty_a_warning(living_system, silence):
    silence(watchdog=20)
    WatchdogSweep.objects.create(leader="here:1", duration_ms=4, error="rescued: boom")

    found = look("watchdog")

    assert found.findings[0].severity == Severity.CRITICAL
    assert found.findings[0].remedies[0].command == "python watchdog_main.py"
    assert "duties failed" in found.findings[-1].said


def test_a_duty_without_permission_is_a_warning_with_the_command_that_grants_it(living_system):
    ToolPermission.objects.filter(tool_name="watchdog.rescued").delete()

    [found] = [finding for finding in look("watchdog").findings if "watchdog.rescued" in finding.said]

    assert found.severity == Severity.WARNING
    assert found.remedies[0].command.startswith("python manage.py grant WATCHDOG watchdog.rescued ")


def test_books_that_the_watchdog_compared_in_the_last_minute_are_not_compared_again(living_system):
    WatchdogSweep.objects.create(leader="here:1", duration_ms=4, counts={"unbalanced": 0})
    WatchdogSweep.objects.create(leader="here:1", duration_ms=4, counts={"rescued": 1})

    assert look("budgets").findings[-1].said == "the books of today balance"
    assert "the watchdog compared them" in look("budgets").findings[-1].evidence[0]


def test_books_that_the_watchdog_found_unbalanced_are_compared_now(living_system):
    WatchdogSweep.objects.create(leader="here:1", duration_ms=4, counts={"unbalanced": 3})

    # What it found has been put right since.
    assert look("budgets").findings[-1].said == "the books of today balance"
    assert look("budgets").findings[-1].evidence == []


def test_books_that_cannot_be_compared_in_time_are_known_from_the_watchdog_or_not_at_all(
    living_system, monkeypatch
):
    monkeypatch.setattr(budgets, "BOOKS_SECONDS", 0.0)

    assert look("budgets").findings[-1].said == "nobody knows whether the books balance"
    assert look("budgets").findings[-1].severity == Severity.NOTICE

    WatchdogSweep.objects.create(leader="here:1", duration_ms=4, counts={"unbalanced": 3})

    assert "the watchdog found the books unbalanced in 3 place(s)" in said("budgets")
    assert look("budgets").severity == Severity.CRITICAL


def test_while_the_database_is_away_the_watchdog_s_heartbeat_in_redis_is_told(living_system, database_at):
    database_at(NOWHERE)

    told = said("watchdog")

    assert "database connection failed" in told
    assert "in Redis" in told


def test_long_running_tasks_are_told_with_the_command_that_ends_the_oldest(living_system):
    Task.objects.create(task_type="evaluation", title="endless")
    long_ago = timezone.now() - timedelta(minutes=40)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE governance_tasks SET status = 'in_progress', transitions = transitions + 1, attempts = 1,"
            " lease_owner = %s, lease_expires_at = now(), started_at = %s RETURNING id",
            [str(uuid4()), long_ago],
        )
        task_id = cursor.fetchone()[0]

    finding = look("performance").findings[2]

    assert finding.severity == Severity.WARNING
    assert "40 min" in finding.evidence[0]
    assert str(task_id) in finding.remedies[0].command


def test_slow_queries_or_how_to_record_them_are_told(living_system):
    finding = look("performance").findings[3]

    assert finding.said == "slow queries are not recorded"
    [line] = [finding.explanation] if finding.explanation else [one.command for one in finding.remedies]
    assert "pg_stat_statements" in line


@pytest.fixture(params=["_exec_time", "_time"])
def recorded(request, living_system, monkeypatch):
    """A server with the extension, of since PostgreSQL 13 or of before: its view, as far as it is read."""
    has_it = "SELECT '1.10' AS installed, true AS available, true AS preloaded"
    monkeypatch.setattr(performance, "_EXTENSION", has_it)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE pg_stat_statements AS SELECT 'SELECT  1' AS query, 7::bigint AS calls,"
            f" 70.0::float8 AS total{request.param}, 10.0::float8 AS mean{request.param}, oid AS dbid"
            " FROM pg_database"
            " WHERE datname = current_database()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE pg_stat_statements")


def test_slow_queries_are_told_by_whichever_columns_the_server_has(recorded):
    finding = look("performance").findings[3]

    assert finding.severity == Severity.OK
    assert finding.evidence == ["70 ms in 7 calls, 10.00 ms each: SELECT 1"]


@pytest.mark.parametrize(
    ("knows", "line"),
    [
        ({"available": False, "preloaded": False}, "does not carry the extension pg_stat_statements"),
        ({"available": True, "preloaded": False}, "SET shared_preload_libraries = 'pg_stat_statements'"),
        ({"available": True, "preloaded": True}, "CREATE EXTENSION pg_stat_statements"),
    ],
)
def test_how_to_record_slow_queries_is_one_line(knows, line):
    finding = performance._not_recorded(knows)

    assert finding.severity == Severity.NOTICE
    assert [
        line in said for said in (finding.explanation, *(r.command for r in finding.remedies)) if said
    ] == [True]


def test_memory_is_told_while_the_database_is_away(living_system, database_at):
    database_at(NOWHERE)

    told = look("performance").findings

    assert len(told) == 2
    assert told[1].said.startswith("workers, tasks and queries are not known")


def test_a_section_that_hangs_costs_its_own_answer_alone(monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(sections, "ANSWER_SECONDS", 0.3)
    monkeypatch.setitem(sections._sections, "hangs", gate.wait)
    monkeypatch.setitem(sections._sections, "works", lambda: [findings.ok("fine")])

    found = {one.section: one for one in diagnosis.run(["hangs", "works"])}
    gate.set()

    assert found["hangs"].severity == Severity.CRITICAL
    assert "no answer within" in found["hangs"].findings[0].said
    assert found["works"].findings == [findings.ok("fine")]


def test_an_unknown_section_lists_the_known_ones():
    with pytest.raises(CommandError, match="unknown section 'nothing'; expected one of: database, redis"):
        call_command("diagnose", "nothing")


def test_text_says_evidence_reason_and_remedy(living_system, silence, capsys):
    silence(process=11)

    text, status = printed(capsys, "workers")

    assert status == 1
    assert "CRITICAL" in text
    assert "why: No task runs" in text
    assert (
        "do:  Start the worker processes of this machine.\n             $ python manage.py run_workers"
        in text
    )
    assert "EXECUTOR: active, 0 processes" in text


def test_json_is_one_object_with_every_section_asked_for(living_system, capsys):
    text, status = printed(capsys, "database", "workers", "--json")

    told = json.loads(text)
    assert status == 0
    assert told["severity"] == "ok"
    assert set(told["sections"]) == {"database", "workers"}
    assert set(told["sections"]["database"]["findings"][0]) == {
        "severity", "said", "evidence", "explanation", "remedies",
    }  # fmt: skip
