"""PostgreSQL is killed when a hold, or the end of one, has been told: it is there when the server is back."""

import os
import signal
import subprocess
import sys

import psycopg2
import pytest

from juggernaut.environment import ROOT
from tests.polling import until

# Reserves twice, or reserves and settles, and kills the server with its last breath. Without the wait for
# the disk the server writes that within ten seconds: too late.
PROGRAM = """
import os, signal, sys
import core
from decimal import Decimal
from governance import budgets
from governance.db import async_commit as durability
from governance.costs.pricing import Price

postmaster, what, waits = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "waits"
reserve = lambda: budgets.reserve(worker_id="ANALYST", amount_usd=Decimal("0.5"), seconds=600)
hold = reserve()
if not waits:
    durability.flush = lambda: ""
reserve() if what == "hold" else budgets.settle(hold.id, price=Price(Decimal("0.25"), "provider"))
os.kill(postmaster, signal.SIGKILL)
"""
LAZY = "wal_writer_delay = '10s'\n"
FOUND = "SELECT (SELECT count(*) FROM budget_holds), (SELECT count(*) FROM api_cost_tracking)"
TOLD = {("hold", "waits"): (2, 0), ("hold", "does not"): (1, 0)}
TOLD |= {("line", "waits"): (1, 1), ("line", "does not"): (1, 0)}


@pytest.fixture
def server(own_servers):
    """A migrated PostgreSQL of this test alone that writes by itself only every ten seconds."""
    data = own_servers.var_dir / "postgres" / "data"
    run(own_servers, "manage.py", "migrate", "--verbosity", "0")
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write(LAZY)
    os.kill(postmaster(own_servers), signal.SIGHUP)
    until(
        lambda: ask(own_servers, "SHOW wal_writer_delay") == ("10s",),
        timeout=30,
        what="a server that is lazy",
    )
    return own_servers


def run(servers, *arguments):
    environment = os.environ | servers.environment
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=True)


def postmaster(servers) -> int:
    return int((servers.var_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def ask(servers, query):
    session = psycopg2.connect(servers.environment["DATABASE_URL"])
    with session, session.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchone()
    session.close()
    assert found is not None
    return found


@pytest.mark.parametrize(("what", "waits"), TOLD)
def test_what_was_told_is_there_after_a_crash_because_it_was_waited_for(server, what, waits):
    run(server, "-c", PROGRAM, str(postmaster(server)), what, waits)

    server.postgres.stop()
    server.postgres.start()

    assert ask(server, FOUND) == TOLD[what, waits]
