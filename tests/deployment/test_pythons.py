"""A smoke test on every supported Python of this machine: install, start, one task done, stop.

`make` installs as it does for a user, without pip's cache and without a compiler on the PATH.
"""

import os
import shutil
import signal
import subprocess

import pytest

from juggernaut.environment import ROOT
from tests import curl, lock, pythons
from tests.machine import Machine
from tests.polling import until

# All that `make run` needs of a machine, beside the interpreter.
PROGRAMS = ("sh", "make", "id", "cmp", "cp", "echo", "redis-server", "valkey-server")
COMPILERS = ("cc", "gcc", "clang", "c++", "g++", "rustc", "cargo")


@pytest.fixture
def path(own_var):
    """A folder that is all there is on the PATH."""
    folder = own_var / "bin"
    folder.mkdir()
    for program in PROGRAMS:
        if found := shutil.which(program):
            (folder / program).symlink_to(found)
    assert not any(shutil.which(compiler, path=str(folder)) for compiler in COMPILERS)
    return str(folder)


@pytest.mark.parametrize("version", lock.PYTHONS, ids=lambda version: ".".join(map(str, version)))
def test_a_task_is_done_on_every_python_of_this_machine(version, own_var, path):
    interpreter = pythons.find(version)
    if interpreter is None:
        name = ".".join(map(str, version))
        pytest.skip(f"Python {name} was not tried: this machine has none in {pythons.where()}")
    environment = {**os.environ, "PATH": path, "PIP_NO_CACHE_DIR": "1"}
    venv = own_var / "venv"
    subprocess.run(
        ["make", "environment", f"PYTHON={interpreter}", f"VENV={venv}"],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if not name.startswith("MAKE")},
        check=True,
    )
    machine = Machine(own_var, PATH=path)
    machine.python = str(venv / "bin" / "python")

    try:
        machine.start()
        machine.await_running()
        payload = {"eval_type": "metric", "metric_value": 100}
        task = curl.ask(f"{machine.url}/api/tasks", {"task_type": "evaluation", "payload": payload}).json()
        until(
            lambda: curl.ask(task["url"]).json()["status"] == "completed",
            timeout=60,
            what="the task's completion",
        )
        machine.send(signal.SIGTERM)

        assert machine.exit_status() == 0
        assert "Traceback" not in machine.output + machine.log_path.read_text()
    finally:
        machine.end()
