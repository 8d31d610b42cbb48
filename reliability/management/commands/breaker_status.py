"""`manage.py breaker_status`: how the circuit breakers stand."""

from argparse import ArgumentParser
from typing import Any

from governance.management.command import GovernanceCommand
from reliability.breakers import status
from reliability.errors import BreakerNotFound


class Command(GovernanceCommand):
    help = "Show state, failures and mode of the circuit breakers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
        self.add_json_argument(parser)

    def handle(self, *, names: list[str], **options: str) -> None:
        standings = status.of_all()
        for name in names:
            if name not in standings:
                raise BreakerNotFound(name, list(standings))
        shown = {name: standings[name] for name in names or standings}
        self.say(shown, *(_sentence(name, standing) for name, standing in shown.items()))


def _sentence(name: str, standing: dict[str, Any]) -> str:
    parts = [standing["state"].replace("_", "-")]
    if standing["cause"] and standing["state"] != "closed":
        parts.append(standing["cause"])
    if standing["state"] == "open":
        probe = standing["next_probe_at"]
        parts.append(f"next probe at {probe:%Y-%m-%dT%H:%M:%SZ}" if probe else "waits for an operator")
    if standing["mode"] != "normal":
        until = standing["mode_until"]
        end = f" until {until:%Y-%m-%dT%H:%M:%SZ}" if until else ""
        parts.append(f"{standing['mode']}{end} by {standing['mode_by']}: {standing['mode_reason']}")
    if standing["source"] == "redis":
        parts.append(f"{standing['failures']} of {standing['calls']} recent calls failed")
    else:
        parts.append("last known state")
    return f"{name}: {'; '.join(parts)}"
