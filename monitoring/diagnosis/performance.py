"""Performance: the memory of every process, tasks that run long, and the queries that cost most."""

import os

import psycopg2

from governance import looks
from monitoring import memory
from monitoring.diagnosis.findings import Finding, notice, ok, warning
from monitoring.diagnosis.sections import PROBE_SECONDS, section
from monitoring.probe import DidNotAnswerError, Probe, Row

MEMORY_WARNING = 0.8
SHOWN = 10

_LONG = """
SELECT id::text, title, task_type, assigned_worker,
  round(extract(epoch FROM now() - started_at) / 60, 1)::float8 AS minutes,
  round(extract(epoch FROM now() - updated_at))::int AS silent_seconds
FROM governance_tasks
WHERE status = 'in_progress' AND started_at < now() - interval '30 minutes'
ORDER BY started_at LIMIT 10"""

_EXTENSION = """
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'pg_stat_statements') AS installed,
  EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements') AS available,
  current_setting('shared_preload_libraries') LIKE '%%pg_stat_statements%%' AS preloaded"""

# Called total_time and mean_time before PostgreSQL 13.
_COLUMNS = """
SELECT CASE WHEN count(*) > 0 THEN '_exec_time' ELSE '_time' END AS suffix FROM pg_attribute
WHERE attrelid = to_regclass('pg_stat_statements') AND attname = 'total_exec_time'"""

_SLOW = """
SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 100) AS query, calls,
  round(total{suffix}::numeric) AS total_ms, round(mean{suffix}::numeric, 2) AS mean_ms
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY total{suffix} DESC LIMIT 10"""


@section("performance")
def look() -> list[Finding]:
    """Memory first, which needs no database; then what the database knows."""
    found = [_memory(memory.sizes())]
    try:
        with Probe(seconds=PROBE_SECONDS) as probe:
            return [*found, _long_tasks(probe.rows(_LONG)), _slow_queries(probe)]
    except (psycopg2.Error, DidNotAnswerError) as error:
        return [*found, notice(f"tasks and queries are not known: {' '.join(str(error).split())}")]


def _memory(sizes: list[memory.Size]) -> Finding:
    if not sizes:
        return notice("no process of the system runs on this machine", remedy="python main.py")
    limit = int(os.environ.get("JUGGERNAUT_WORKER_MAX_RSS_MB", "512")) * 1024 * 1024
    total = looks.mebibytes(sum(size.rss for size in sizes))
    said = f"{len(sizes)} processes, {total} resident (shared pages counted in each)"
    evidence = [_told(size) for size in sizes]
    if sizes[0].rss < limit * MEMORY_WARNING:
        return ok(said, evidence=evidence)
    return warning(
        f"{said}; the largest is near the limit of {looks.mebibytes(limit)}",
        evidence=evidence,
        explanation="A worker process that passes the limit finishes what it runs and is replaced.",
        remedy="JUGGERNAUT_WORKER_MAX_RSS_MB sets the limit, max_concurrency of a worker its tasks at a time",
    )


def _told(size: memory.Size) -> str:
    growth = "" if size.growth is None else f" ({size.growth / 1024 / 1024:+.0f} since start)"
    return f"{looks.mebibytes(size.rss):>8}{growth}  pid {size.pid}  {size.name}"


def _long_tasks(tasks: list[Row]) -> Finding:
    if not tasks:
        return ok("no task has run for more than 30 minutes")
    return warning(
        f"{len(tasks)} task(s) have run for more than 30 minutes",
        evidence=[
            f"{t['minutes']:g} min  {t['id']}  {t['title'] or t['task_type']} ({t['assigned_worker']}), "
            f"last sign of life {t['silent_seconds']} s ago"
            for t in tasks
        ],
        explanation="Its own timeout ends a task; one that should have ended by now can be terminated.",
        remedy=f'python manage.py terminate_task {tasks[0]["id"]} --reason "excessive runtime"',
    )


def _slow_queries(probe: Probe) -> Finding:
    extension = probe.row(_EXTENSION)
    if not extension["installed"] or not extension["preloaded"]:
        return notice("slow queries are not recorded", **_how_to_enable(extension))
    suffix = probe.row(_COLUMNS)["suffix"]
    told = [
        f"{row['total_ms']} ms in {row['calls']} calls, {row['mean_ms']} ms each: {row['query']}"
        for row in probe.rows(_SLOW.format(suffix=suffix))
    ]
    return ok("the queries that cost most (pg_stat_statements)", evidence=told)


def _how_to_enable(extension: Row) -> dict[str, str]:
    if not extension["available"]:
        return {"explanation": "This server carries no pg_stat_statements (the embedded one never does)."}
    return {
        "remedy": "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'; restart PostgreSQL; "
        "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;"
    }
