"""The drain through a PgBouncer in transaction mode, beside the same without, in turns in the same run."""

import contextlib
import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measures, pgbouncer
from benchmarks.report import Row

ROUNDS = 3


def measure(count: int) -> list[Row]:
    """`count` durable no-op tasks a round, and the delay of a new task while nobody can listen."""
    direct, pooled = [], []
    with _through_pgbouncer() as url:
        for _ in range(ROUNDS):
            direct.append(measures.drain(count)[0].value)
            with _workers_at(url):
                pooled.append(measures.drain(count)[0].value)
        with _workers_at(url):
            delays = measures.latency(count)
    ratio = statistics.median(through / without for through, without in zip(pooled, direct, strict=True))
    return [
        Row("durable no-op tasks, without a pooler", statistics.median(direct), "tasks/s"),
        Row("durable no-op tasks, through PgBouncer", statistics.median(pooled), "tasks/s"),
        Row("… as a part of those without", ratio, ""),
        *(Row(f"{row.what}, through PgBouncer, polling", row.value, row.unit) for row in delays),
    ]


@contextlib.contextmanager
def _through_pgbouncer() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="juggernaut-bench-") as folder:
        Path(folder).chmod(0o755)  # PgBouncer runs as another account if we are root
        with pgbouncer.before(os.environ["DATABASE_URL"], folder=Path(folder)) as url:
            yield url


@contextlib.contextmanager
def _workers_at(url: str) -> Iterator[None]:
    """Processes that start here use this URL; this process keeps its own connection."""
    before = os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = url
    try:
        yield
    finally:
        os.environ["DATABASE_URL"] = before
