"""Performance: the memory of every process, tasks that run long, and the queries that cost most."""

from collections.abc import Sequence

import psycopg2
from django.conf import settings

from governance.audit import redaction
from governance.units import mebibytes, words
from monitoring import memory
from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, notice, ok, warning
from monitoring.diagnosis.sections import PROBE_SECONDS, section
from monitoring.health.probe import DidNotAnswerError, Probe, Row
from monitoring.health.report import PROCESS_SILENT_SECONDS

MEMORY_WARNING = 0.8
MEBIBYTE = 1024 * 1024

_WORKERS = """
SELECT host, pid, worker_ids, in_flight, rss_bytes AS rss, rss_at_start_bytes AS at_start,
  now() - started_at AS age
FROM worker_processes WHERE last_seen > now() - %(silent)s * interval '1 second'
ORDER BY rss_bytes DESC, pid"""

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
  current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%' AS preloaded"""

# Called total_time and mean_time before PostgreSQL 13.
_COLUMNS = """
SELECT CASE WHEN count(*) > 0 THEN '_exec_time' ELSE '_time' END AS suffix FROM pg_attribute
WHERE attrelid = to_regclass('pg_stat_statements') AND attname = 'total_exec_time'"""

_SLOW = """
SELECT left(query, 2000) AS query, calls,
  round(total{suffix}::numeric) AS total_ms, round(mean{suffix}::numeric, 2) AS mean_ms
FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY total{suffix} DESC LIMIT 10"""


@section("performance")
def look() -> list[Finding]:
    """Memory of this machine first, which needs no database; then what the database knows of all of them."""
    found = [_memory(memory.sizes())]
    try:
        with Probe(seconds=PROBE_SECONDS) as probe:
            workers = probe.rows(_WORKERS, {"silent": PROCESS_SILENT_SECONDS})
            return [*found, _workers(workers), _long_tasks(probe.rows(_LONG)), _slow_queries(probe)]
    except (psycopg2.Error, DidNotAnswerError) as error:
        said = " ".join(str(error).split())
        return [*found, notice(f"workers, tasks and queries are not known: {said}")]


def _memory(sizes: list[memory.Size]) -> Finding:
    if not sizes:
        start = remedies.at_machine("Start everything on this machine.", "python main.py")
        return notice("no process of the system runs on this machine", remedies=[start])
    total = mebibytes(sum(size.rss for size in sizes))
    said = f"{len(sizes)} processes, {total} resident (shared pages counted in each)"
    return ok(said, evidence=[_told(size) for size in sizes])


def _told(size: memory.Size) -> str:
    growth = "" if size.growth is None else f" ({size.growth / MEBIBYTE:+.0f} since start)"
    return f"{mebibytes(size.rss):>8}{growth}  pid {size.pid}  {size.name}"


def _workers(processes: Sequence[Row]) -> Finding:
    limit = settings.JUGGERNAUT_WORKER_MAX_RSS_MB * MEBIBYTE
    evidence = [_process(row) for row in processes]
    large = [row for row in processes if row["rss"] >= limit * MEMORY_WARNING]
    if not large:
        said = f"no worker process is near its limit of {mebibytes(limit)}"
        return ok(said, evidence=evidence)
    return warning(
        f"{len(large)} worker process(es) near or above the limit of {mebibytes(limit)}",
        evidence=evidence,
        explanation="One that passes the limit takes nothing new, finishes what it runs and is replaced. If "
        "each grows so, one of the task types leaks.",
        remedies=[
            remedies.at_machine(
                "Restart this machine's processes; what runs finishes first, or is given back.",
                'kill -TERM $(pgrep -f "python main.py")',
            ),
        ],
    )


def _process(row: Row) -> str:
    growth = (row["rss"] - row["at_start"]) / MEBIBYTE
    return (
        f"{mebibytes(row['rss']):>8} ({growth:+.0f} since start, {words(row['age'])} ago)  "
        f"pid {row['pid']} on {row['host']}, {row['in_flight']} running: {', '.join(row['worker_ids'])}"
    )


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
        remedies=[remedies.terminate(tasks[0]["id"])],
    )


def _slow_queries(probe: Probe) -> Finding:
    extension = probe.row(_EXTENSION)
    if not extension["installed"] or not extension["preloaded"]:
        return _not_recorded(extension)
    suffix = probe.row(_COLUMNS)["suffix"]
    told = [
        f"{row['total_ms']} ms in {row['calls']} calls, {row['mean_ms']} ms each: "
        + redaction.statement(str(row["query"]), limit=100)
        for row in probe.rows(_SLOW.format(suffix=suffix))
    ]
    return ok("the queries that cost most (pg_stat_statements)", evidence=told)


def _not_recorded(extension: Row) -> Finding:
    said = "slow queries are not recorded"
    if not extension["available"]:
        return notice(
            said,
            explanation="This server does not carry the extension pg_stat_statements: install its contrib "
            "package, or use a server that has it (DATABASE_URL).",
        )
    if not extension["preloaded"]:
        enable = remedies.at_machine(
            "As a superuser, then restart PostgreSQL and look again (the embedded server has no superuser to "
            "log in as: use one of your own, DATABASE_URL).",
            "psql $DATABASE_URL -c \"ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'\"",
        )
        return notice(said, remedies=[enable])
    create = remedies.at_machine(
        "As a superuser: make its view.", 'psql $DATABASE_URL -c "CREATE EXTENSION pg_stat_statements"'
    )
    return notice(said, remedies=[create])
