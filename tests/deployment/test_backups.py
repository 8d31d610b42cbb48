"""A backup made while everything runs is the whole system; a restore fills an empty database or none."""

import json
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests import places
from tests.faults.system import System
from tests.polling import until

pytestmark = pytest.mark.slow

# What processes write about themselves, and what sweeps do, goes on after the backup.
MOVING = {"worker_processes", "worker_registry", "watchdog_sweeps", "leadership"}
TABLES = """
SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"""
# By name: a condition that was written in one way is spelled in another once it has been read back.
SHAPE = """
SELECT 'trigger', tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'constraint', conrelid::regclass || ' ' || conname || ' ' || convalidated FROM pg_constraint
UNION ALL SELECT 'index', indexrelid::regclass || ' ' || indisvalid FROM pg_index
  WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
UNION ALL SELECT 'function', proname || ' of ' || proowner::regrole FROM pg_proc
  WHERE pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend
    WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e')"""


@pytest.fixture(scope="module")
def system():
    """One machine for all tests here."""
    with places.var_folder() as place:
        mine = System(place, JUGGERNAUT_GRACE_SECONDS="1")
        try:
            mine.up()
            yield mine
        finally:
            mine.end()


@pytest.fixture
def restored(system, own_var):
    """A machine on an empty database beside the first one's, not started yet."""
    mine = System(own_var)
    mine.environment |= {
        "DATABASE_URL": beside(system.urls["DATABASE_URL"], f"restored_{own_var.name[4:]}"),
        "REDIS_URL": f"{system.urls['REDIS_URL'].removesuffix('/0')}/1",
    }
    system.sql(f'CREATE DATABASE "restored_{own_var.name[4:]}"')
    yield mine
    mine.end()


def beside(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def counts(system: System) -> dict[str, int]:
    tables = [name for (name,) in system.sql(TABLES)]
    return {name: system.sql(f"SELECT count(*) FROM {name}")[0][0] for name in tables}


def backup(system: System, path: Path, *more: str):
    ended = system.command("backup", str(path), "--json", *more)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_restored_system_has_everything_and_goes_on_where_it_was(system, restored, tmp_path):
    done, _, failed = system.submit(
        [
            {"task_type": "noop", "payload": {}},
            {"task_type": "noop", "payload": {}},
            {"task_type": "misbehave", "payload": {"how": "permanent"}},
        ]
    )
    gate = tmp_path / "gate"
    gate.mkdir()
    [running] = system.submit([{"task_type": "hold", "payload": {"place": str(gate)}}])
    system.await_failed(failed)
    until(lambda: system.ask(f"/api/tasks/{done}")["status"] == "completed", what="a completed task")
    until(lambda: system.ask(f"/api/tasks/{running}")["status"] == "in_progress", what="a running task")

    written = backup(system, tmp_path / "all.dump")
    counted, shape = counts(system), sorted(system.sql(SHAPE))
    ended = restored.command("restore", str(tmp_path / "all.dump"), "--json")

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["tasks"] == {"completed": 2, "failed": 1, "in_progress": 1}
    assert written["bytes"] == (tmp_path / "all.dump").stat().st_size
    assert (tmp_path / "all.dump").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"all.dump", "gate"}
    again = counts(restored)
    assert {name for name in counted if counted[name] != again[name]} <= MOVING
    assert sorted(restored.sql(SHAPE)) == shape
    restored.start()
    (gate / "open").touch()
    row = "SELECT status, attempts, crash_attempts FROM governance_tasks WHERE id = %s"
    until(
        lambda: restored.sql(row, running) == [("completed", 2, 1)],
        timeout=90,
        what="the task that ran when the backup was made",
    )
    assert restored.sql(row, done) == [("completed", 1, 0)]
    assert restored.sql("SELECT count(*) FROM juggernaut_read('SELECT 1', 1, 100)") == [(1,)]


def test_a_restore_refuses_what_it_cannot_do_and_changes_nothing(system, restored, tmp_path):
    backup(system, tmp_path / "all.dump")
    (tmp_path / "torn.dump").write_bytes((tmp_path / "all.dump").read_bytes()[:-5000])
    (tmp_path / "other.dump").write_text("not a backup")

    said = {
        name: restored.command("restore", str(tmp_path / f"{name}.dump"))
        for name in ("torn", "other", "none")
    }
    onto_itself = system.command("restore", str(tmp_path / "all.dump"))
    again = system.command("backup", str(tmp_path / "all.dump"))

    for ended in (*said.values(), onto_itself, again):
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        assert len(ended.stderr.strip().splitlines()) == 1
    assert "pg_restore failed" in said["torn"].stderr
    assert "pg_restore failed" in said["other"].stderr
    assert "there is no file" in said["none"].stderr
    assert "is not empty" in onto_itself.stderr
    assert "is there already" in again.stderr
    assert restored.sql("SELECT count(*) FROM pg_class WHERE relname = 'governance_tasks'") == [(0,)]


def test_a_backup_of_a_newer_version_is_refused(system, restored, tmp_path):
    system.sql(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('governance', '9999_later', now())"
    )
    backup(system, tmp_path / "newer.dump")

    ended = restored.command("restore", str(tmp_path / "newer.dump"))

    assert ended.returncode == 1
    assert "newer version, which has governance.9999_later" in ended.stderr
    assert restored.sql("SELECT count(*) FROM pg_class WHERE relname = 'governance_tasks'") == [(0,)]


def test_a_password_stands_in_no_command_line(system, tmp_path):
    """The client programs are given it in their environment, which only their account can read."""
    from juggernaut.database import backups

    settings = {
        "HOST": "db",
        "PORT": 5432,
        "USER": "u",
        "PASSWORD": "s3cret",
        "NAME": "n",
        "OPTIONS": {"sslmode": "require", "connect_timeout": 3},
    }

    assert backups._environment(settings) == {
        "PGHOST": "db",
        "PGPORT": "5432",
        "PGUSER": "u",
        "PGPASSWORD": "s3cret",
        "PGDATABASE": "n",
        "PGSSLMODE": "require",
    }
