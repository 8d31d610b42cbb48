"""`manage.py play_demo`: the story of `make demo`, told to a running system that was started for it."""

import argparse
import time
import urllib.request
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from governance.access import actors
from juggernaut.demo import scenario

# No proxy of the environment: it would be asked for its own loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_STORY_SECONDS = 300.0
# A breaker waits half a minute before its first probe, however fast the story is told.
_LEAST_MINUTES = 1.5


class Command(BaseCommand):
    help = "Plays the story of `make demo`, which starts it; refuses to touch any other system."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--provider", required=True, help="address of the simulated provider")
        parser.add_argument("--minutes", type=_minutes, default=5.0, help="how long it takes (default: 5)")

    def handle(self, *, provider: str, minutes: float, **options: Any) -> None:
        if not settings.IS_SIMULATION:
            raise CommandError("this system is no simulation: run `make demo`, which starts one")

        def tell(**parts: Any) -> None:
            request = urllib.request.Request(  # noqa: S310 the address is the simulator's, on loopback
                f"{provider}/_simulator/faults", data=scenario.plan(**parts), method="POST"
            )
            _DIRECT.open(request, timeout=10).close()

        self._play(
            scenario.Scenario(tell, actor=actors.from_command("play_demo")),
            pace=minutes * 60 / _STORY_SECONDS,
        )

    def _play(self, told: scenario.Scenario, *, pace: float) -> None:
        begun, next_task = time.monotonic(), 0.0
        for at, act in told.acts:
            while (now := (time.monotonic() - begun) / pace) < at:
                if now >= next_task:
                    told.next_task()
                    next_task = now + scenario.TASKS_EVERY_SECONDS
                time.sleep(0.05)
            self.stdout.write(f"SIMULATION {int(at) // 60}:{int(at) % 60:02d}  {act()}")
            self.stdout.flush()


def _minutes(text: str) -> float:
    minutes = float(text)
    if not _LEAST_MINUTES <= minutes <= 60:
        raise argparse.ArgumentTypeError(f"expected {_LEAST_MINUTES} to 60 minutes")
    return minutes
