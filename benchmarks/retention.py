"""What removing old rows costs: batched DELETE beside DROP of a partition, and what partitions cost a writer.

    python -m benchmarks.retention [--tasks 200000]

A loaded sample is pruned to nothing by `retention.prune`, as the command does it. Beside it, copies of
`task_events`: one plain, one partitioned by the time in `task_id`, written as the engine writes (1,000 events
a statement) and emptied by DELETE in batches, and by DROP.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from benchmarks import report
from benchmarks.report import Row
from benchmarks.system import bench_environment

BATCH = 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.retention", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--tasks", type=int, default=200_000, help="tasks of the sample; five lines each")
    arguments = parser.parse_args()
    with bench_environment():
        print(report.table(measure(arguments.tasks)))


def measure(tasks: int) -> list[Row]:
    _load(tasks)
    rows = [*_copies("plain"), *_copies("partitioned")]
    return [*rows, *_pruned(tasks)]


def _load(tasks: int) -> None:
    from juggernaut import sample

    size = sample.Size(
        tasks=tasks, letters=tasks // 10, lines=tasks * 5, calls=tasks, resolved=1, slice=20_000
    )
    for _ in sample.load(size):
        pass


def _pruned(tasks: int) -> list[Row]:
    """Everything that the sample holds and the rules let go, two years later."""
    from governance import retention
    from governance.access.actors import from_command

    removed: dict[str, int] = {}
    longest = 0.0
    began = wal = time.monotonic()
    before = _wal()
    for step in retention.prune(actor=from_command("bench"), now=timezone.now() + timedelta(days=730)):
        longest, wal = max(longest, time.monotonic() - wal), time.monotonic()
        for table, rows in step.deleted.items():
            removed[table] = removed.get(table, 0) + rows
    took, written = time.monotonic() - began, _wal() - before
    gone, all_rows = removed["governance_tasks"], sum(removed.values())
    return [
        Row("tasks pruned with all that belongs to them", gone / took, "tasks/s"),
        Row("rows removed of all tables", all_rows / took, "rows/s"),
        Row("the longest transaction", longest * 1000, "ms"),
        Row("written to the log", written / gone / 1024, "KiB/task"),
        Row("of the tasks, pruned", gone / tasks * 100, "%"),
    ]


def _copies(kind: str) -> Iterator[Row]:
    """A copy of the history: written, then emptied."""
    _make(kind)
    rows, took = _timed(lambda: _write(kind))
    yield Row(f"events written into a {kind} table", rows / took, "rows/s")
    before = _wal()
    rows, took = _timed(lambda: _delete(kind))
    yield Row(f"events deleted from a {kind} table, {BATCH:,} tasks a batch", rows / took, "rows/s")
    yield Row("written to the log", (_wal() - before) / rows, "bytes/row")
    if kind == "partitioned":
        _write(kind)
        _, took = _timed(lambda: _run("DROP TABLE copy_partitioned_0") or 1)
        yield Row("one partition of a twelfth dropped", took * 1000, "ms")


def _make(kind: str) -> None:
    _run(f"DROP TABLE IF EXISTS copy_{kind}")
    by = " PARTITION BY RANGE (task_id)" if kind == "partitioned" else ""
    _run(f"CREATE TABLE copy_{kind} (LIKE task_events INCLUDING DEFAULTS, PRIMARY KEY (task_id, seq)){by}")
    if by:
        bounds = _column("SELECT (min(id::text)) FROM (SELECT id, ntile(12) OVER (ORDER BY id) AS part"
                         " FROM governance_tasks) t GROUP BY part ORDER BY part")  # fmt: skip
        edges = ["MINVALUE", *[f"'{bound}'" for bound in bounds[1:]], "MAXVALUE"]
        for part, (begin, end) in enumerate(itertools.pairwise(edges)):
            _run(f"CREATE TABLE copy_partitioned_{part} PARTITION OF copy_partitioned"
                 f" FOR VALUES FROM ({begin}) TO ({end})")  # fmt: skip


def _write(kind: str) -> int:
    """As the engine writes: the events of a batch of tasks in one statement."""
    return _by_tasks(
        f"INSERT INTO copy_{kind} SELECT * FROM task_events WHERE task_id = ANY(%(ids)s::uuid[])"
    )


def _delete(kind: str) -> int:
    return _by_tasks(f"DELETE FROM copy_{kind} WHERE task_id = ANY(%(ids)s::uuid[])")


def _by_tasks(statement: str) -> int:
    ids = _column("SELECT id::text FROM governance_tasks ORDER BY id")
    return sum(_run(statement, ids=ids[begin : begin + BATCH]) for begin in range(0, len(ids), BATCH))


def _timed(work: Callable[[], int]) -> tuple[int, float]:
    began = time.monotonic()
    rows = work()
    return rows, time.monotonic() - began


def _wal() -> int:
    return int(_column("SELECT (pg_current_wal_lsn() - '0/0')::bigint")[0])


def _column(query: str) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query)
        return [row[0] for row in cursor.fetchall()]


def _run(statement: str, **facts: Any) -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, facts or None)
        return int(cursor.rowcount)


if __name__ == "__main__":
    main()
