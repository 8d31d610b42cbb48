"""The peer: PgQueuer on the same PostgreSQL, the fastest of those that were measured for the design.

It keeps less than Juggernaut does: a finished job leaves the table, with one line in a log; there is
no result, no event for each transition, no fence against a late worker.
"""

import asyncio
import os
import subprocess
import sys
import time

import asyncpg
from django.db import connection
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from benchmarks.report import Row
from benchmarks.system import until
from juggernaut.environment import ROOT

PROCESSES = 2
BATCH = 100


def measure(count: int) -> list[Row]:
    """`count` no-op jobs with two worker processes, all of them waiting when the clock starts."""
    asyncio.run(_enqueue(count))
    command = [sys.executable, "-m", "benchmarks.peer"]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(PROCESSES)]
    try:
        took = _drained(count)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    return [Row("peer: PgQueuer no-op jobs, 2 worker processes", count / took, "jobs/s")]


async def _enqueue(count: int) -> None:
    link = await asyncpg.connect(os.environ["DATABASE_URL"])
    queries = Queries(AsyncpgDriver(link))
    await queries.install()
    for begin in range(0, count, 1000):
        size = min(1000, count - begin)
        await queries.enqueue(["noop"] * size, [None] * size, [0] * size)
    await link.execute("VACUUM ANALYZE pgqueuer")
    await link.close()


def _drained(count: int) -> float:
    """Seconds from the first job taken to the last one gone: the workers' start is not counted."""
    until(lambda: _left() < count, every=0.002)
    began = time.monotonic()
    until(lambda: not _left(), every=0.02)
    return time.monotonic() - began


def _left() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pgqueuer")
        return int(cursor.fetchone()[0])


async def _work() -> None:
    link = await asyncpg.connect(os.environ["DATABASE_URL"])
    queue = PgQueuer(AsyncpgDriver(link))

    @queue.entrypoint("noop")
    async def noop(job: object) -> None:
        """Nothing."""

    await queue.run(batch_size=BATCH)


if __name__ == "__main__":
    asyncio.run(_work())
