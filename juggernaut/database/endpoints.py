"""Where PostgreSQL and Redis are: the environment first, then the embedded servers' own record."""

import json
from pathlib import Path
from typing import NamedTuple

from juggernaut import configuration
from juggernaut.environment import ROOT

# What a command sees when nothing runs: a loopback port that answers "connection refused" at once.
NOTHING_RUNS = {
    "DATABASE_URL": "postgresql://juggernaut@127.0.0.1:15432/juggernaut",
    "REDIS_URL": "redis://127.0.0.1:16379/0",
}

# The REDIS_URL of a system that runs without Redis: the connection is refused at once, as in an outage.
NO_REDIS = "redis://127.0.0.1:1/0"


class Endpoints(NamedTuple):
    """Connection URLs, as `psql` and `redis-cli -u` take them."""

    database_url: str
    redis_url: str


def var_dir() -> Path:
    """The folder of everything the project keeps on this machine (`JUGGERNAUT_VAR`, default `var/`)."""
    return (configuration.current().var or ROOT / "var").absolute()


def record_path() -> Path:
    """The file in which the embedded servers write their URLs while they run."""
    return var_dir() / "run" / "endpoints.json"


def current() -> Endpoints:
    """The URLs this process should use; each one may come from another place than the other."""
    found = NOTHING_RUNS | _recorded() | configured()
    return Endpoints(
        database_url=found["DATABASE_URL"],
        redis_url=found["REDIS_URL"],
    )


def configured() -> dict[str, str]:
    """The URLs of servers that the operator names, by variable; they are not ours to start."""
    found = configuration.current()
    urls = {"DATABASE_URL": found.database_url, "REDIS_URL": found.redis_url}
    return {name: url.get_secret_value() for name, url in urls.items() if url.get_secret_value()}


def _recorded() -> dict[str, str]:
    try:
        return dict(json.loads(record_path().read_text()))
    except (FileNotFoundError, PermissionError, json.JSONDecodeError):
        return {}
