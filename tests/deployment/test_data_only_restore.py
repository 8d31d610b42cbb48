"""`pg_restore --data-only`, which runs with an empty `search_path`, into tables that are there already."""

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import pytest

from juggernaut.environment import ROOT
from tests.faults.system import select

FILL = """
import django; django.setup()
from juggernaut.sample.loading import load
from juggernaut.sample.size import Size
for _ in load(Size(tasks=400, letters=60, lines=800, calls=200, groups=9, days=3)): pass
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
# Their triggers name other tables and functions of ours; nothing that is summed elsewhere depends on them.
WITH_TRIGGERS = ("circuit_breakers", "worker_budgets", "worker_tool_permissions", "recurring_tasks")
# Asked of a superuser once: who may restore without triggers, as `--disable-triggers` does for a superuser.
MAY_RESTORE = "GRANT SET ON PARAMETER session_replication_role TO juggernaut\n"


@pytest.fixture
def servers(own_servers):
    postgres = own_servers.postgres
    postgres.stop()
    postgres._execute(MAY_RESTORE, data=postgres.data)
    postgres.start()
    return own_servers


@pytest.fixture
def filled(servers):
    """The URL of a database with some of everything."""
    url = servers.postgres.url
    run([sys.executable, "manage.py", "set_up"], DATABASE_URL=url)
    run([sys.executable, "-c", FILL], DATABASE_URL=url, DJANGO_SETTINGS_MODULE="juggernaut.settings")
    return url


@pytest.fixture
def emptied(servers, filled):
    """The URL of a database that is migrated and has no row."""
    select(filled, "CREATE DATABASE emptied")
    url = urlunsplit(urlsplit(filled)._replace(path="/emptied"))
    run([sys.executable, "manage.py", "set_up"], DATABASE_URL=url)
    select(url, "ALTER TABLE audit_log DISABLE TRIGGER audit_log_not_emptied")
    select(url, f"TRUNCATE {', '.join(tables(url))}")
    select(url, "ALTER TABLE audit_log ENABLE TRIGGER audit_log_not_emptied")
    # A table that is emptied may have written into another one.
    select(url, "DELETE FROM metric_tallies")
    return url


def run(argv, **environment):
    subprocess.run([str(part) for part in argv], cwd=ROOT, env=os.environ | environment, check=True)


def tables(url):
    return [name for (name,) in select(url, TABLES)]


def rows(url, table):
    return {row for (row,) in select(url, f"SELECT t::text FROM {table} t")}


def test_data_comes_in_with_triggers_and_without(servers, filled, emptied, tmp_path):
    programs, dump = servers.postgres.binaries, tmp_path / "all.dump"
    run([programs / "pg_dump", "--format=custom", "--no-owner", f"--file={dump}", filled])
    restore = [programs / "pg_restore", "--data-only", "--no-owner", "--single-transaction"]

    run([*restore, *(f"--table={name}" for name in WITH_TRIGGERS), f"--dbname={emptied}", dump])

    told = "SELECT count(*) FROM audit_log"
    for name in WITH_TRIGGERS:
        assert len(rows(emptied, name)) == len(rows(filled, name)) > 0
    assert select(emptied, told)[0][0] > 0

    # All of it: triggers would count again what is among the rows already.
    select(emptied, "ALTER TABLE audit_log DISABLE TRIGGER audit_log_not_emptied")
    select(emptied, f"TRUNCATE {', '.join(tables(emptied))}")
    run([*restore, f"--dbname={emptied}", dump], PGOPTIONS="-c session_replication_role=replica")

    assert {name for name in tables(filled) if rows(emptied, name) != rows(filled, name)} == set()
