"""What a breaker's decision costs: acquire + record, beside pybreaker with its Redis storage in the same run.

pybreaker asks Redis two plain commands where this product runs two scripts, and is faster. It keeps less:
state and counters are read and written one by one, so that processes which decide at once overwrite each
other; it has no window, no counted probes, no history, and waits for a frozen Redis as long as its client.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.report import Row
from juggernaut.environment import ROOT

DECISIONS = 5_000
PROCESSES = 4
SECONDS = 3.0


def measure(_count: int) -> list[Row]:
    """One caller alone for the times, several processes at once for the rate."""
    rows = []
    for who, goal in (("ours", "0.3"), ("pybreaker", "")):
        decide = _decider(who)
        times = sorted(_timed(decide) for _ in range(DECISIONS))
        label = "breaker decision" if who == "ours" else "peer: pybreaker with Redis, decision"
        rows += [
            Row(f"{label}, p50", statistics.median(times) * 1000, "ms", goal),
            Row(f"{label}, p99", times[int(DECISIONS * 0.99)] * 1000, "ms"),
            Row(f"{label}, {PROCESSES} processes", _rate(who), "per s"),
        ]
    return rows


def _timed(decide: Callable[[], None]) -> float:
    began = time.perf_counter()
    decide()
    return time.perf_counter() - began


def _rate(who: str) -> float:
    command = [sys.executable, "-m", "benchmarks.breakers", who]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    done = [process.communicate()[0] for process in processes]
    return sum(int(answer) for answer in done) / SECONDS


def _decider(who: str) -> Callable[[], None]:
    return _ours() if who == "ours" else _pybreaker()


def _ours() -> Callable[[], None]:
    from reliability import breakers

    def decide() -> None:
        breakers.record(breakers.acquire("benchmark"), breakers.SUCCESS)

    decide()
    return decide


def _pybreaker() -> Callable[[], None]:
    import pybreaker
    import redis

    storage = pybreaker.CircuitRedisStorage(
        pybreaker.STATE_CLOSED, redis.Redis.from_url(os.environ["REDIS_URL"]), namespace="benchmark"
    )
    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=30, state_storage=storage)

    def decide() -> None:
        breaker.call(lambda: None)

    decide()
    return decide


def _serve(who: str) -> None:
    """One of the processes: decides for a while when told to, and says how often it did."""
    import core  # noqa: F401 (prepares Django)

    decide = _decider(who)
    print("ready", flush=True)
    sys.stdin.readline()
    count, end = 0, time.monotonic() + SECONDS
    while time.monotonic() < end:
        decide()
        count += 1
    print(count, flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
