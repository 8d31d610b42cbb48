"""Plans with a name, for the command line, and those that somebody wrote into a file."""

from pathlib import Path

from pydantic import ValidationError

from workers.simulator.plan import Fault, Latency, Plan

_WAITING = Latency(seconds=0.4, jitter_seconds=0.8)

SCENARIOS = {
    "calm": Plan(latency=_WAITING),
    "instant": Plan(),
    "slow": Plan(latency=Latency(seconds=8, jitter_seconds=4)),
    "flaky": Plan(
        latency=_WAITING,
        faults=[
            Fault(kind="status", status=502, rate=0.02),
            Fault(kind="cut", rate=0.01),
            Fault(kind="status", status=429, retry_after=2, rate=0.03),
            Fault(kind="error_in_200", status=502, message="Upstream error", rate=0.02),
        ],
    ),
    "outage": Plan(
        latency=_WAITING,
        faults=[Fault(kind="status", status=503, from_seconds=60, until_seconds=120)],
    ),
    "rate_limited": Plan(
        latency=_WAITING,
        faults=[Fault(kind="status", status=429, retry_after=10, from_seconds=20, until_seconds=60)],
    ),
    "out_of_credit": Plan(faults=[Fault(kind="status", status=402, from_seconds=30)]),
}


class NoSuchScenario(ValueError):
    """Neither a name nor a file that can be read."""


def load(name: str) -> Plan:
    """The plan of this name, or the one in the JSON file of this name."""
    if name in SCENARIOS:
        return SCENARIOS[name]
    try:
        return Plan.model_validate_json(Path(name).read_bytes())
    except OSError as error:
        known = ", ".join(SCENARIOS)
        raise NoSuchScenario(f"no scenario {name!r}: expected a JSON file or one of {known}") from error
    except ValidationError as invalid:
        first = invalid.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "file"
        raise NoSuchScenario(f"scenario {name}: {place}: {first['msg']}") from invalid
