"""The embedded PostgreSQL and Redis: where they are, and what they survive."""

import contextlib
import json
import os
import socket
import stat
import subprocess

import psutil
import psycopg2
import pytest
import redis

from juggernaut import embedded
from juggernaut.database import endpoints
from juggernaut.embedded import EmbeddedServerError, data_directory, ports
from juggernaut.embedded.redis import find_program
from tests.polling import until

pytestmark = pytest.mark.slow


def ask(url, sql):
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None


def ping(url):
    with redis.Redis.from_url(url) as client:
        return client.ping()


@contextlib.contextmanager
def ordinary_user():
    """Run the block without root's rights; as an ordinary user, nothing changes."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_both_answer_where_the_record_says(own_servers):
    record = own_servers.var_dir / "run" / "endpoints.json"

    recorded = json.loads(record.read_text())

    assert recorded == own_servers.environment
    assert ask(recorded["DATABASE_URL"], "SELECT 1") == (1,)
    assert ping(recorded["REDIS_URL"])
    assert stat.S_IMODE(record.stat().st_mode) == 0o600


def test_the_url_has_the_user_part_that_the_runbook_extracts(own_servers):
    found = subprocess.run(
        ["sh", "-c", """echo $DATABASE_URL | grep -o "postgres.*@" | sed 's/@$//'"""],
        env={**os.environ, **own_servers.environment},
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.startswith("postgresql://juggernaut:")


def test_the_database_role_cannot_reach_the_machine(own_servers):
    url = own_servers.environment["DATABASE_URL"]

    assert ask(url, "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = 'juggernaut'") == (
        False,
        True,
    )
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        ask(url, "COPY (SELECT 1) TO PROGRAM 'true'")


def test_nobody_enters_without_the_password(own_servers):
    url = f"postgresql://juggernaut:wrong@127.0.0.1:{own_servers.postgres.port}/juggernaut"

    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url)


def test_slow_queries_are_recorded(own_servers):
    url = own_servers.environment["DATABASE_URL"]

    ask(url, "SELECT 7 AS remembered")

    assert ask(url, "SELECT calls FROM pg_stat_statements WHERE query LIKE '%AS remembered'") == (1,)


def test_a_cluster_of_an_earlier_version_gets_the_extension_at_its_next_start(own_var):
    with embedded.running(own_var, named={}) as servers:
        data = servers.postgres.data
    servers.postgres._execute("DROP EXTENSION pg_stat_statements\n", data=data, database="juggernaut")
    (data / "has_pg_stat_statements").unlink()

    with embedded.running(own_var, named={}) as servers:
        names = ask(servers.environment["DATABASE_URL"], "SELECT array_agg(extname::text) FROM pg_extension")
        assert "pg_stat_statements" in names[0]


@pytest.fixture
def only_on_path(own_var, monkeypatch):
    """Make the PATH hold the machine's Redis under this name, or nothing."""

    def put(name):
        program = find_program()
        folder = own_var / "bin"
        folder.mkdir()
        if name:
            (folder / name).symlink_to(program)
        monkeypatch.setenv("PATH", str(folder))

    return put


def test_a_valkey_server_serves_as_well(own_var, only_on_path):
    only_on_path("valkey-server")

    with embedded.running(own_var, named={"DATABASE_URL": "postgresql://elsewhere/x"}) as servers:
        assert servers.redis.program.name == "valkey-server"
        assert ping(servers.environment["REDIS_URL"])


def test_without_a_redis_program_a_system_runs_without_redis(own_var, only_on_path):
    only_on_path(None)

    with embedded.running(own_var, named={"DATABASE_URL": "postgresql://elsewhere/x"}) as servers:
        recorded = json.loads((own_var / "run" / "endpoints.json").read_text())

        assert servers.is_without_redis
        assert recorded == {"REDIS_URL": endpoints.NO_REDIS}
        with pytest.raises(redis.ConnectionError):
            ping(servers.environment["REDIS_URL"])


def test_a_redis_that_was_installed_since_is_started(own_var):
    named = {"DATABASE_URL": "postgresql://elsewhere/x", "REDIS_URL": endpoints.NO_REDIS}

    with embedded.running(own_var, named=named) as servers:
        assert ping(servers.environment["REDIS_URL"])


def test_a_restart_keeps_the_port_and_the_data(own_servers):
    before = own_servers.environment
    ask(before["DATABASE_URL"], "CREATE TABLE kept AS SELECT 7 AS number")

    own_servers.postgres.restart()
    own_servers.redis.restart()

    assert own_servers.environment == before
    assert ask(before["DATABASE_URL"], "SELECT number FROM kept") == (7,)
    assert ping(before["REDIS_URL"])


def test_committed_data_survives_a_kill(own_servers):
    url = own_servers.environment["DATABASE_URL"]
    ask(url, "CREATE TABLE kept AS SELECT 7 AS number")

    own_servers.postgres.kill()
    own_servers.postgres.start()

    assert ask(url, "SELECT number FROM kept") == (7,)


def test_a_killed_postmaster_is_followed_by_a_new_one(own_servers):
    os.kill(own_servers.postgres.pid, 9)
    until(lambda: own_servers.postgres.pid is None)

    own_servers.postgres.start()

    assert ask(own_servers.environment["DATABASE_URL"], "SELECT 1") == (1,)


def test_the_next_session_finds_the_data_on_the_same_port(own_var):
    with embedded.running(own_var, named={}) as first:
        before = first.environment
        ask(before["DATABASE_URL"], "CREATE TABLE kept AS SELECT 7 AS number")

    with embedded.running(own_var, named={}) as second:
        assert second.environment == before
        assert ask(second.environment["DATABASE_URL"], "SELECT number FROM kept") == (7,)


def test_the_end_leaves_no_process_and_no_record(own_var):
    with embedded.running(own_var, named={}) as servers:
        alive = [psutil.Process(servers.postgres.pid), psutil.Process(servers.redis.pid)]

    assert not any(process.is_running() for process in alive)
    assert not (own_var / "run" / "endpoints.json").exists()


def test_a_second_holder_is_told_who_holds_the_folder(own_servers):
    with (
        pytest.raises(EmbeddedServerError, match=f"already run by process {os.getpid()}"),
        embedded.running(own_servers.var_dir, named={}),
    ):
        pass

    assert ask(own_servers.environment["DATABASE_URL"], "SELECT 1") == (1,)


def test_named_servers_are_not_started(own_var):
    named = {"DATABASE_URL": "postgresql://elsewhere/x", "REDIS_URL": "redis://elsewhere/0"}

    with embedded.running(own_var, named=named) as servers:
        assert servers.environment == named
        assert not servers.has_any


def test_one_may_be_named_and_the_other_embedded(own_var):
    with embedded.running(own_var, named={"DATABASE_URL": "postgresql://elsewhere/x"}) as servers:
        recorded = json.loads((own_var / "run" / "endpoints.json").read_text())

        assert servers.postgres is None
        assert ping(recorded["REDIS_URL"])
        assert "DATABASE_URL" not in recorded


def test_urls_of_our_own_stopped_servers_start_them_again(own_var):
    with embedded.running(own_var, named={}) as servers:
        before = servers.environment

    with embedded.running(own_var, named=before) as servers:
        assert ask(servers.environment["DATABASE_URL"], "SELECT 1") == (1,)
        assert ping(servers.environment["REDIS_URL"])
        assert servers.postgres is not None
        assert servers.redis is not None


def test_a_redis_of_somebody_elses_at_our_former_port_is_used(own_var):
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        port = theirs.getsockname()[1]
        (own_var / "run").mkdir()
        (own_var / "run" / "ports.json").write_text(json.dumps({"redis": port}))
        named = {"DATABASE_URL": "postgresql://a:b@elsewhere/x", "REDIS_URL": f"redis://127.0.0.1:{port}/0"}

        with embedded.running(own_var, named=named) as servers:
            assert servers.environment == named


def test_a_taken_port_is_avoided(own_var):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (own_var / "run").mkdir()
        (own_var / "run" / "ports.json").write_text(json.dumps({"postgres": port, "redis": port}))

        with embedded.running(own_var, named={}) as servers:
            assert port not in (servers.postgres.port, servers.redis.port)


def test_what_a_sudden_death_left_behind_does_not_hinder_the_next_start(own_var):
    with embedded.running(own_var, named={}) as servers:
        data = servers.postgres.data
    # A pid file whose number belongs to a living process of somebody else's, as after a reboot.
    (data / "postmaster.pid").write_text(f"{os.getppid()}\n{data}\n0\n5432\n\n\n  1  1\nready\n")
    (own_var / "run" / "endpoints.json").write_text('{"DATABASE_URL": "postgresql://gone/x"}')
    (own_var / "run" / "ports.json").write_text('{"postgres": 1')
    (own_var / "run" / "lock").write_text(str(os.getppid()))

    with embedded.running(own_var, named={}) as servers:
        assert ask(servers.environment["DATABASE_URL"], "SELECT 1") == (1,)


def test_a_half_made_cluster_is_made_anew(own_var):
    with embedded.running(own_var, named={}) as servers:
        data = servers.postgres.data
    data.rename(data.with_name("data.new"))

    with embedded.running(own_var, named={}) as servers:
        assert ask(servers.environment["DATABASE_URL"], "SELECT 1") == (1,)


def test_a_lost_password_is_replaced(own_var):
    with embedded.running(own_var, named={}) as servers:
        before = servers.environment["DATABASE_URL"]
    (own_var / "postgres_password").unlink()

    with embedded.running(own_var, named={}) as servers:
        after = servers.environment["DATABASE_URL"]

        assert after != before
        assert ask(after, "SELECT 1") == (1,)


def test_a_start_that_fails_says_why_in_one_line(own_var):
    with embedded.running(own_var, named={}) as servers:
        data = servers.postgres.data
    (data / "PG_VERSION").write_text("12\n")

    with (
        pytest.raises(EmbeddedServerError, match="PostgreSQL did not start") as failure,
        embedded.running(own_var, named={}),
    ):
        pass

    assert "version 12" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_folder_that_the_servers_cannot_enter_keeps_its_mode(own_var):
    closed = own_var / "closed"
    closed.mkdir(mode=0o700)

    with embedded.running(closed / "var", named={}) as servers:
        assert ask(servers.environment["DATABASE_URL"], "SELECT 1") == (1,)
        # Root's servers have an account of their own and move out; anybody else's stay.
        assert servers.postgres.place.is_relative_to(data_directory.STAGE) == (os.geteuid() == 0)
        assert servers.postgres.data.samefile(closed / "var" / "postgres" / "data")

    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_a_copied_checkout_does_not_use_the_data_of_the_original(own_var):
    copy = own_var / "copy"
    copy.mkdir()
    (copy / "postgres").symlink_to(data_directory.STAGE / "of-another-checkout" / "postgres")

    with embedded.running(copy, named={}) as servers:
        assert servers.postgres.data.samefile(copy / "postgres" / "data")
        assert not servers.postgres.place.is_relative_to(data_directory.STAGE / "of-another-checkout")


def test_the_folder_of_another_account_is_refused_in_one_line(own_var):
    foreign = own_var / "foreign"
    foreign.mkdir()
    foreign.chmod(0o555)

    with ordinary_user(), pytest.raises(EmbeddedServerError, match=str(foreign)) as refusal:
        data_directory.prepare(foreign)

    assert "JUGGERNAUT_VAR" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_free_port_is_free_and_a_taken_one_is_not():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert not ports.is_free(port)
        assert ports.choose(port) != port
    assert ports.is_free(port)
