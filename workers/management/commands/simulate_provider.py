"""`manage.py simulate_provider`: a provider of models on loopback, for tests and the demo."""

import argparse
import asyncio
import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workers.simulator.scenarios import SCENARIOS, NoSuchScenario, load
from workers.simulator.server import Simulator


class Command(BaseCommand):
    help = (
        "Simulates a provider of models: an OpenAI-compatible server on loopback that answers by script, "
        "fails as it is told to, and keeps a log of what it received. It needs no database."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--port", type=_port, default=8089, help="0 takes a free one (default: 8089)")
        parser.add_argument(
            "--scenario",
            default="calm",
            help=f"one of {', '.join(SCENARIOS)}, or a JSON file with faults, script, latency "
            "(default: calm)",
        )
        parser.add_argument("--seed", type=int, default=0, help="of its dice (default: 0)")
        parser.add_argument("--log", type=Path, help="a file that gets a JSON line for each request")

    def handle(self, *, port: int, scenario: str, seed: int, log: Path | None, **options: Any) -> None:
        try:
            simulator = Simulator(load(scenario), seed=seed, journal=log)
        except NoSuchScenario as error:
            raise CommandError(str(error)) from error
        try:
            asyncio.run(self._serve(simulator, port))
        except OSError as error:
            raise CommandError(f"cannot listen on port {port}: {error.strerror}") from error

    async def _serve(self, simulator: Simulator, port: int) -> None:
        """Until SIGTERM or Ctrl-C."""
        server = await simulator.listen(port=port)
        where = server.sockets[0].getsockname()[1]
        self.stdout.write(f"SIMULATION: a provider that is none listens at http://127.0.0.1:{where}/v1")
        self.stdout.flush()
        left = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, left.set)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        await left.wait()
        server.close()


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError("expected 0 to 65535")
    return number
