"""`python main.py`: one command starts a machine, one signal ends it, and nothing is left behind."""

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from juggernaut.environment import ROOT
from tests import curl
from tests.polling import until

pytestmark = pytest.mark.slow


def gone(processes):
    return lambda: (
        not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)
    )


@pytest.fixture
def running(machine):
    machine.start()
    machine.await_running()
    return machine


def test_the_banner_says_what_is_where(running):
    for text in ("/admin/", "/api/", "/health", str(running.log_path), "manage.py env", "no token"):
        assert text in running.output


def test_only_the_supervisor_matches_the_runbooks_pattern(running):
    titles = {process.pid: " ".join(process.cmdline()) for process in running.processes()}

    assert [pid for pid, title in titles.items() if "python main.py" in title] == [running.pid]
    assert any("watchdog_main.py" in title for title in titles.values())
    assert any("gunicorn: master" in title for title in titles.values())


def test_sigterm_ends_all_of_it_with_status_0_and_a_second_start_works(running):
    processes = running.processes()

    running.send(signal.SIGTERM)

    assert running.exit_status() == 0
    until(gone(processes))
    assert not (running.var_dir / "run" / "endpoints.json").exists()
    running.start()
    running.await_running()
    assert "password" not in running.output


def test_a_kill_of_the_supervisor_leaves_nothing_behind_and_a_second_start_works(running):
    processes = running.processes()

    running.send(signal.SIGKILL)
    running.exit_status()

    until(gone(processes), timeout=30)
    running.start()
    running.await_running()


def test_a_kill_of_everything_does_not_hinder_the_next_start(running):
    processes = running.processes()

    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # its parent was killed a moment before
            process.kill()
    running.exit_status()
    until(gone(processes))

    running.start()
    running.await_running()


@pytest.mark.parametrize("part", ["gunicorn: master", "watchdog_main.py", "juggernaut workers"])
def test_a_part_that_dies_is_started_again(running, part):
    died = running.find(part)

    died.kill()

    until(lambda: running.find(part).pid != died.pid, timeout=30)
    assert psutil.pid_exists(running.pid)


def test_servers_that_die_are_started_again_on_the_same_port(running):
    record = running.var_dir / "run" / "ports.json"
    before = json.loads(record.read_text())

    for server in ("bin/postgres", "redis-server"):
        running.find(server).kill()

    until(lambda: all(_accepts(port) for port in before.values()), timeout=30)
    assert json.loads(record.read_text()) == before


def test_a_taken_port_is_said_in_one_line_and_nothing_is_started(machine):
    with socket.create_server(("127.0.0.1", machine.port)):
        machine.start()

        assert machine.exit_status() == 1
    assert machine.output.count("\n") == 1
    assert f"--port {machine.port + 1}" in machine.output
    assert not (machine.var_dir / "postgres").exists()


def test_a_second_machine_on_the_same_folder_is_refused_in_one_line(running):
    second = type(running)(running.var_dir)
    second._output_path = running.var_dir / "second"

    second.start()

    assert second.exit_status() == 1
    assert f"already run by process {running.pid}" in second.output
    assert second.output.count("\n") == 1


def test_a_stop_during_the_start_is_a_clean_one(machine):
    machine.start()
    until(lambda: (machine.var_dir / "postgres").exists(), timeout=30)
    processes = machine.processes()

    machine.send(signal.SIGTERM)

    assert machine.exit_status() == 0
    until(gone(processes))
    assert "Traceback" not in machine.output


def test_a_second_stop_signal_ends_it_at_once(running):
    processes = running.processes()
    frozen = running.find("juggernaut workers")
    frozen.suspend()

    running.send(signal.SIGTERM)
    until(lambda: not running.accepts())
    running.send(signal.SIGTERM)

    assert running.exit_status() == 0
    until(gone(processes))


def test_ctrl_c_in_a_terminal_stops_in_order(machine):
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "main.py"],
        cwd=ROOT,
        env=machine.environment,
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        preexec_fn=lambda: os.login_tty(its_end),
    )
    os.close(its_end)
    seen = bytearray()
    while b"is running" not in seen:
        seen += os.read(terminal, 4096)
    children = psutil.Process(process.pid).children(recursive=True)

    os.write(terminal, b"\x03")

    assert process.wait(60) == 0
    until(gone(children))
    os.close(terminal)


def test_a_restart_works_in_the_terminal_that_holds_the_urls_of_the_stopped_servers(running):
    lines = running.command("env").stdout.splitlines()
    running.send(signal.SIGTERM)
    assert running.exit_status() == 0

    running.environment |= {name: url for name, _, url in (line[7:].partition("=") for line in lines[:2])}
    running.start()

    running.await_running()
    assert running.find("bin/postgres")


def test_named_servers_are_used_and_left_alone(machine):
    named = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    machine.environment |= named

    machine.start("--only", "web")
    machine.await_running()

    assert not (machine.var_dir / "postgres").exists()
    assert [child.cmdline()[0] for child in psutil.Process(machine.pid).children()] == [
        "gunicorn: master [juggernaut]"
    ]


def test_a_database_that_is_not_there_is_said_in_one_line(machine):
    machine.environment |= {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}

    machine.start()

    assert machine.exit_status() == 1
    assert "database connection failed" in machine.output
    assert "Traceback" not in machine.output


def test_the_env_command_lets_a_second_terminal_in(running):
    lines = running.command("env").stdout.splitlines()

    assert [line.partition("=")[0] for line in lines[:2]] == ["export DATABASE_URL", "export REDIS_URL"]
    shell = subprocess.run(
        ["sh", "-c", "\n".join(lines) + '\nexec "$0" -c "$1"', sys.executable, _ASK],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )
    assert shell.stdout == "1 True\n", shell.stderr


def test_the_env_command_leads_to_programs_that_the_machine_lacks(running):
    running.environment |= {"PATH": str(running.var_dir)}
    lines = running.command("env").stdout
    runbook = "psql $DATABASE_URL -Atc 'SELECT 1'; python -c 'print(2)'"

    shell = subprocess.run(
        ["/bin/sh", "-c", lines + runbook], env={"PATH": str(running.var_dir)}, capture_output=True, text=True
    )

    assert shell.stdout.split() == ["1", "2"], shell.stderr


def test_a_machine_without_redis_works_and_says_what_is_degraded(machine):
    machine.environment |= {"PATH": str(machine.var_dir)}
    machine.start()
    machine.await_running()
    payload = {"eval_type": "metric", "metric_value": 100}

    task = _ask(f"{machine.url}/api/tasks", {"task_type": "evaluation", "payload": payload})

    until(lambda: _ask(task["url"])["status"] == "completed", timeout=60, what="the task's completion")
    assert "no redis-server or valkey-server was found" in machine.output
    health = _ask(f"{machine.url}/health")
    assert (health["status"], health["redis"]["status"]) == ("degraded", "degraded")
    assert "no Redis" in health["redis"]["detail"]
    answer = machine.command("env")
    assert answer.returncode == 0
    assert "REDIS_URL" not in answer.stdout
    assert "without Redis" in answer.stderr


def test_a_fleet_that_cannot_work_is_not_announced(machine):
    """The workers cannot start: nobody may read that the machine is running."""
    machine.environment |= {"Q_CLUSTER_NAME": "watchdog"}
    machine.start()

    until(lambda: "NOT ready" in machine.output, timeout=90, what="the complaint")

    assert "is running" not in machine.output
    assert "no process takes tasks of" in machine.output or "has ended" in machine.output
    assert str(machine.log_path) in machine.output


def test_the_env_command_says_when_nothing_runs(machine):
    answer = machine.command("env")

    assert answer.returncode == 1
    assert "start it with `make run`" in answer.stderr
    assert answer.stdout == ""


_ASK = """
import os, psycopg2, redis
cursor = psycopg2.connect(os.environ["DATABASE_URL"]).cursor()
cursor.execute("SELECT 1")
print(cursor.fetchone()[0], redis.Redis.from_url(os.environ["REDIS_URL"]).ping())
"""


def _ask(url, body=None):
    answer = curl.ask(url, body)
    assert answer.status < 300, answer.body
    return answer.json()


def _accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
