"""A terminal that closes, `nohup` and a reader that leaves end no part of the system."""

import signal
import subprocess
import sys

import httpx
import psutil
import pytest

from juggernaut.environment import ROOT
from tests.polling import until

pytestmark = pytest.mark.slow


def test_a_hangup_ends_no_process_of_a_machine(machine):
    machine.start()
    machine.await_running()
    processes = machine.processes()

    for process in processes:
        process.send_signal(signal.SIGHUP)

    until(lambda: httpx.get(f"{machine.url}/health/live", trust_env=False, timeout=30).status_code == 200)
    assert [process for process in processes if not process.is_running()] == []
    machine.send(signal.SIGTERM)
    assert machine.exit_status() == 0


def test_a_start_without_standard_streams_works(machine):
    command = ["sh", "-c", 'exec "$@" >&- 2>&- <&-', "sh", sys.executable, "main.py"]
    started = psutil.Popen(command, cwd=ROOT, env=machine.environment, start_new_session=True)
    try:
        until(machine.accepts, timeout=60, what="the web server")
    finally:
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0


def test_a_start_whose_reader_leaves_works(machine):
    started = psutil.Popen(
        [sys.executable, "main.py"],
        cwd=ROOT,
        env=machine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    started.stdout.close()
    try:
        until(machine.accepts, timeout=60, what="the web server")
    finally:
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0


def test_settings_that_are_wrong_are_said_one_a_line_and_nothing_is_started(machine):
    machine.environment |= {"JUGGERNAUT_SYNC_THREADS": "abc", "JUGGERNAUT_TRUSTED_PROXIES": "-3"}

    machine.start()

    assert machine.exit_status() == 1
    lines = machine.output.splitlines()
    assert len(lines) == 2
    assert all("; expected a whole number from " in line for line in lines)
