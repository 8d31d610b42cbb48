"""What the limit of the API adds to a request: one question to Redis, or none while it is away."""

import statistics
import time

from benchmarks.report import Row
from juggernaut.api.throttling.buckets import Buckets
from juggernaut.api.throttling.rate import Rate
from reliability.bounded_redis import BoundedRedis

REQUESTS = 5_000
NOBODY = "redis://127.0.0.1:1/0"
LIMIT = Rate(1_000_000, 60)


def measure(_count: int) -> list[Row]:
    rows = []
    for label, url in (("the API's limit, each request", None), ("the same, Redis away", NOBODY)):
        buckets = Buckets(BoundedRedis(url))
        times = sorted(_timed(buckets) for _ in range(REQUESTS))
        rows += [
            Row(f"{label}, p50", statistics.median(times) * 1000, "ms"),
            Row(f"{label}, p99", times[int(REQUESTS * 0.99)] * 1000, "ms"),
            Row(f"{label}, slowest", times[-1] * 1000, "ms", "100"),
        ]
    return rows


def _timed(buckets: Buckets) -> float:
    began = time.perf_counter()
    buckets.take("benchmark", LIMIT)
    return time.perf_counter() - began
