"""The stage: a provider that is none, the machine as `main.py` runs it, and the player of the story."""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from juggernaut import configuration
from juggernaut.database import endpoints
from juggernaut.embedded import ports
from juggernaut.environment import ROOT, require_settings
from juggernaut.processes import children, streams

PASSWORD = "simulation"  # noqa: S105 of a demo on loopback, whose password is meant to be known
_START_SECONDS = 120.0
_WHERE = re.compile(rb"http://127\.0\.0\.1:\d+")
# Settings of another installation, which the demonstration must neither touch nor be stopped by.
_FOREIGN = (
    *("DATABASE_URL", "DATABASE_URL_DIRECT", "REDIS_URL", "JUGGERNAUT_POOLER"),
    *("JUGGERNAUT_PROFILE", "JUGGERNAUT_BIND", "JUGGERNAUT_TRUSTED_PROXIES"),
    *("JUGGERNAUT_LLM_API_KEY", "JUGGERNAUT_ADMIN_PASSWORD"),
)


def main() -> int:
    """Run all of it until Ctrl-C; returns the exit status."""
    options = _options()
    streams.survive()
    streams.ignore_hangups()
    require_settings()
    folder = endpoints.var_dir() / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in _FOREIGN
    }
    environment |= {"JUGGERNAUT_VAR": str(folder), "JUGGERNAUT_LOGS": str(folder / "logs")}
    running: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, _stop)
    try:
        _play(environment, options, running, folder)
    except KeyboardInterrupt:
        sys.stdout.write("\nThe simulation ends.\n")
    except _NotStartedError as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    finally:
        for process in reversed(running):
            process.send_signal(signal.SIGTERM)
            if not children.ended_within(process, seconds=60):
                children.kill(process)
    return 0


class _NotStartedError(Exception):
    """A part did not come up; its own words stand above, or in the file that is named."""


def _play(
    environment: dict[str, str],
    options: argparse.Namespace,
    running: list[subprocess.Popen[bytes]],
    folder: Path,
) -> None:
    said = folder / "simulator.log"
    with said.open("wb") as output:
        command = ["simulate_provider", "--port", "0", "--seed", "7", "--scenario", "calm"]
        running.append(_start(command, environment, output=output))
    provider = _until_it_listens(said, running[-1])
    port = options.port or str(configuration.current().port)
    environment |= {
        "JUGGERNAUT_LLM_BASE_URL": f"{provider}/v1",
        "JUGGERNAUT_LLM_API_KEY": "simulated",
        "JUGGERNAUT_LLM_SERVICE": "openrouter",
        "JUGGERNAUT_LLM_MODELS": "",
        "JUGGERNAUT_SIMULATION": "1",
        "JUGGERNAUT_ADMIN_PASSWORD": PASSWORD,
        "JUGGERNAUT_PORT": port,
    }
    machine = children.start([sys.executable, "main.py"], environment=environment, directory=ROOT)
    running.append(machine)
    _until_it_serves(int(port), machine)
    player = _start(["play_demo", "--provider", provider, "--minutes", options.minutes], environment)
    running.append(player)
    if player.wait() != 0:
        raise _NotStartedError("the story stopped before its end; the reason stands above")
    if not options.leave:
        machine.wait()


def _start(
    command: list[str], environment: dict[str, str], *, output: object = None
) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "manage.py", *command]
    return children.start(argv, environment=environment, directory=ROOT, output=output)  # type: ignore[arg-type]


def _until_it_listens(said: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if found := _WHERE.search(said.read_bytes()):
            return found[0].decode()
        time.sleep(0.1)
    raise _NotStartedError(f"the simulated provider did not start: see {said}")


def _until_it_serves(port: int, machine: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and machine.poll() is None:
        if not ports.is_free(port):
            return
        time.sleep(0.2)
    raise _NotStartedError("the machine did not start; the reason stands above")


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make demo", description="A SIMULATION: the whole system, with a provider that is none."
    )
    parser.add_argument("--minutes", default="5", metavar="N", help="how long the story takes (default: 5)")
    parser.add_argument("--port", metavar="N", help="of the console (default: JUGGERNAUT_PORT, or 8000)")
    parser.add_argument("--leave", action="store_true", help="end with the story instead of with Ctrl-C")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
