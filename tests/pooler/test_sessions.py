"""Behind a pooler in transaction mode nothing that we do stays in a session, which others use next."""

import threading
from contextlib import closing
from functools import partial

import psycopg2
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from governance.db import direct_connection, notifications, pooler
from governance.db.pooler import Pooler
from governance.db.prepared_statements import Prepared
from juggernaut.database import connection_settings
from juggernaut.database.backups import BackupError, write
from monitoring.health.probe import Probe
from reliability.engine import listener
from tests.governance import lives
from tests.polling import until

_SESSION = (
    "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "plan_cache_mode",
    "default_transaction_read_only", "search_path", "synchronous_commit",
)  # fmt: skip


@pytest.fixture
def with_direct(server_url, pooled, monkeypatch):
    monkeypatch.setattr(
        settings, "DATABASE_DIRECT", connection_settings.settings(server_url, process="direct")
    )


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall()


def changed_settings():
    """Settings of the session that are not what a new one has, and the locks and statements it keeps."""
    return sql(
        "SELECT name, setting FROM pg_settings WHERE name = ANY(%s) AND source = 'session'"
        " UNION ALL SELECT 'prepared', name FROM pg_prepared_statements"
        " UNION ALL SELECT 'listening', channel FROM pg_listening_channels() channel"
        " UNION ALL SELECT 'lock', objid::text FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        list(_SESSION),
    )


class TestDetection:
    def test_a_direct_connection_is_not_pooled(self, transactional_db):
        connection.close()

        assert not pooler.is_shared()
        assert sql("SELECT current_setting('plan_cache_mode')") == [("force_generic_plan",)]

    def test_pgbouncer_is_detected(self, pooled):
        assert pooler.is_shared()
        assert changed_settings() == []

    @pytest.mark.parametrize(
        ("said", "is_shared"), [("none", False), ("session", False), ("transaction", True), ("auto", True)]
    )
    def test_what_is_said_is_obeyed(self, pooled, monkeypatch, said, is_shared):
        monkeypatch.setattr(settings, "JUGGERNAUT_POOLER", Pooler(said))

        assert pooler.is_shared() is is_shared
        with connection.cursor() as cursor:
            cursor.execute("DISCARD ALL")  # what was said was not true, so the session has kept something

    def test_a_direct_connection_that_is_said_to_be_pooled_is_taken_for_it(
        self, transactional_db, monkeypatch
    ):
        connection.close()
        monkeypatch.setattr(settings, "JUGGERNAUT_POOLER", Pooler.TRANSACTION)

        assert pooler.is_shared()
        connection.close()

    def test_the_users_own_choice_of_plans_stands(self, transactional_db, monkeypatch):
        connection.close()
        options = connection.settings_dict["OPTIONS"]
        monkeypatch.setitem(options, "options", "-c plan_cache_mode=force_custom_plan")

        assert sql("SELECT current_setting('plan_cache_mode')") == [("force_custom_plan",)]
        connection.close()

    def test_a_connection_that_breaks_while_it_is_examined_is_not_used(self, transactional_db, monkeypatch):
        connection.close()
        with monkeypatch.context() as patch:
            patch.setattr(pooler, "_BEGIN_SESSION", "SELECT pg_terminate_backend(pg_backend_pid())")
            with pytest.raises(Exception, match="terminat"):
                sql("SELECT 1")

        assert not pooler.is_shared()


class TestStatements:
    def test_are_not_prepared_by_name_and_answer_the_same(self, transactional_db, pooled):
        statement = Prepared("for_a_test", "SELECT %(a)s + %(a)s, '100%%', %(b)s", a="int", b="jsonb")

        for _ in range(3):
            assert statement.run({"a": 2, "b": '{"x": 1}'}) == [(4, "100%", '{"x": 1}')]

        assert changed_settings() == []

    def test_tasks_run_with_many_clients_on_few_sessions(self, fleet, pooled):
        tasks = [lives.make() for _ in range(40)]
        failures = []

        def work():
            try:
                while claimed := lives.claim(free=3):
                    for task in claimed:
                        # Another claim may have locked it for a moment: it sees the row as it was before.
                        until(partial(lives.complete, task), what="the report")
            except BaseException as error:
                failures.append(error)
                raise
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert failures == []
        assert {lives.status(task.pk) for task in tasks} == {"completed"}
        assert changed_settings() == []

    def test_a_look_at_the_database_limits_itself_alone(self, pooled):
        with Probe(seconds=2) as probe:
            row = probe.row("SELECT current_setting('statement_timeout') AS limit, pg_backend_pid() AS pid")

        assert row["limit"] == "2100ms"
        assert pooler.is_transactional(told_pid=probe.backend_pid, pid=row["pid"])
        assert changed_settings() == []


class TestListening:
    def test_is_not_tried(self, pooled):
        assert listener._open() is None
        assert changed_settings() == []

    def test_goes_around_the_pooler(self, with_direct):
        opened = listener._open()

        assert opened is not None
        with closing(opened):
            notifications.notify_workers(["EXECUTOR"])
            until(lambda: opened.poll() or opened.notifies, what="a notification")
            assert [heard.payload for heard in opened.notifies] == ["EXECUTOR"]


class TestTheDirectConnection:
    def test_is_used_by_whoever_needs_a_session(self, with_direct):
        direct_connection.use_for_this_process()

        assert not pooler.is_shared()

    def test_must_not_be_pooled(self, pooled, monkeypatch):
        monkeypatch.setattr(
            settings, "DATABASE_DIRECT", connection_settings.settings(pooled, process="direct")
        )

        with pytest.raises(direct_connection.WrongDirectUrl, match="pooler in transaction mode, too"):
            direct_connection.check()

    def test_must_lead_to_the_same_database(self, server_url, pooled, monkeypatch):
        other = connection_settings.settings(server_url, process="direct") | {"NAME": "postgres"}
        monkeypatch.setattr(settings, "DATABASE_DIRECT", other)

        with pytest.raises(direct_connection.WrongDirectUrl, match=r"another database \(postgres\)"):
            direct_connection.check()
        with pytest.raises(CommandError, match="another database"):
            call_command("set_up")

    def test_does_not_share_sessions(self, server_url, pooled):
        assert not direct_connection.shares_sessions({"dsn": server_url})
        assert direct_connection.shares_sessions({"dsn": pooled})


def test_a_backup_is_refused_without_a_way_around(pooled, tmp_path):
    with pytest.raises(BackupError, match="set DATABASE_URL_DIRECT"):
        write(tmp_path / "all.dump")

    assert list(tmp_path.iterdir()) == []


def test_start_parameters_are_refused_in_words(pooled, monkeypatch):
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "options", "-c work_mem=64MB")

    with pytest.raises(CommandError, match="refuses `options` in DATABASE_URL: remove it there"):
        call_command("set_up")


def test_two_set_ups_take_turns(pooled):
    """The lock is a transaction's, held by a connection that does nothing else."""
    call_command("set_up")

    assert changed_settings() == []
    with closing(psycopg2.connect(pooled)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(7304551220117)")
        assert cursor.fetchone() == (True,)
