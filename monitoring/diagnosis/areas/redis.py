"""Redis: reachable, how much it holds, and whether it throws things away."""

import time

from redis import RedisError

from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, ok, warning
from monitoring.diagnosis.sections import section
from monitoring.health.probe import redis_client

SECONDS = 1.0


@section("redis")
def look() -> list[Finding]:
    """Reachable, version, memory, clients. Its absence is no more than a warning: all of it may vanish."""
    client = redis_client(seconds=SECONDS)
    began = time.monotonic()
    try:
        client.ping()
        took = time.monotonic() - began
        facts = client.info()
    except RedisError as error:
        return [_unreachable(error)]
    finally:
        client.close()
    return [
        ok(
            f"reachable: Redis {facts['redis_version']} answered in {took * 1000:.0f} ms",
            evidence=[
                f"{facts['used_memory_human']} used, {facts['connected_clients']} clients, "
                f"{facts['evicted_keys']} keys evicted"
            ],
        )
    ]


def _unreachable(error: RedisError) -> Finding:
    return warning(
        f"redis connection failed: {' '.join(str(error).split())}",
        explanation="The system goes on without it: PostgreSQL holds every fact and wakes the workers. Each "
        "process has breakers and rate limits of its own until it is back.",
        remedies=[
            remedies.at_machine("Ask it as the system does.", "redis-cli -u $REDIS_URL PING"),
            remedies.at_machine("If it is the embedded one: start it, with all the rest.", "python main.py"),
        ],
    )
