"""PostgreSQL: reachable, how many connections and whose, what blocks, and whether it is migrated."""

import time

import psycopg2
from django.db import connections

from governance.audit import redaction
from governance.db import direct_connection, pooler
from governance.db import errors as db_errors
from governance.units import words
from monitoring.diagnosis import remedies
from monitoring.diagnosis.areas import lock_holders
from monitoring.diagnosis.findings import Finding, critical, notice, ok, warning
from monitoring.diagnosis.sections import PROBE_SECONDS, section
from monitoring.health import readiness
from monitoring.health.probe import DidNotAnswerError, Probe

CONNECTIONS_WARNING = 0.8
_HOLDERS_SHOWN = 10

_SERVER = """
SELECT pg_backend_pid() AS backend_pid, version() AS version,
  current_setting('max_connections')::int AS allowed,
  current_setting('superuser_reserved_connections')::int AS reserved,
  pg_size_pretty(pg_database_size(current_database())) AS size,
  now() - pg_postmaster_start_time() AS up"""

_HOLDERS = """
SELECT coalesce(nullif(application_name, ''), 'unnamed') AS application,
  coalesce(usename, 'nobody yet') AS account, coalesce(host(client_addr), 'local') AS address,
  coalesce(datname, 'none yet') AS database, count(*)::int AS connections,
  count(*) FILTER (WHERE state = 'active')::int AS active
FROM pg_stat_activity WHERE backend_type = 'client backend'
GROUP BY 1, 2, 3, 4 ORDER BY connections DESC, 1"""

# Open for a minute: holds locks, and keeps vacuum from cleaning up.
_LINGERING = """
SELECT pid, coalesce(nullif(application_name, ''), 'unnamed') AS application, state,
  now() - xact_start AS age, left(query, 2000) AS query, cardinality(pg_blocking_pids(pid)) AS blocked_by
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
  AND now() - xact_start > interval '1 minute'
ORDER BY xact_start LIMIT 5"""


@section("database")
def look() -> list[Finding]:
    """Reachable, connections used and allowed, who holds them, lingering transactions, migrations."""
    began = time.monotonic()
    try:
        with Probe(seconds=PROBE_SECONDS) as probe:
            took = time.monotonic() - began
            server = probe.row(_SERVER)
            is_pooled = pooler.is_transactional(told_pid=probe.backend_pid, pid=server["backend_pid"])
            holders, lingering = probe.rows(_HOLDERS), probe.rows(_LINGERING)
            applied = _applied(probe)
            locked = lock_holders.look(probe) if readiness.needed() <= applied else []
    except (psycopg2.Error, DidNotAnswerError) as error:
        return [_unreachable(error)]
    return [
        _reachable(server, took),
        *([_pooled()] if is_pooled else []),
        _connections(server, holders),
        *locked,
        *_lingering(lingering),
        _migrations(applied),
    ]


def address() -> str:
    """Where the database is, without its password."""
    settings = connections["default"].settings_dict
    host, port = settings["HOST"] or "local socket", settings["PORT"] or "5432"
    return f"{settings['USER'] or 'default user'}@{host}:{port}/{settings['NAME']}"


def _unreachable(error: Exception) -> Finding:
    return critical(
        db_errors.describe(error),
        evidence=[f"address: {address()}"],
        explanation="Nothing works without it: no task is accepted, claimed or finished until it is back. "
        "Workers and watchdog wait for it and go on by themselves.",
        remedies=[
            remedies.at_machine("Ask it as the system does.", 'psql $DATABASE_URL -c "SELECT 1"'),
            remedies.at_machine("If it is the embedded one: start it, with all the rest.", "python main.py"),
        ],
    )


def _reachable(server: dict[str, object], took: float) -> Finding:
    version = " ".join(str(server["version"]).split()[:2])
    return ok(
        f"reachable: {version} answered in {took * 1000:.0f} ms",
        evidence=[f"address: {address()}", f"up for {words(server['up'])}, {server['size']}"],  # type: ignore[arg-type]
    )


def _pooled() -> Finding:
    """A pooler in transaction mode is worth knowing; without a way around it, some things are slower."""
    consequence = pooler.consequence(has_direct=direct_connection.is_configured())
    said = f"behind a connection pooler (transaction mode): {consequence}"
    if direct_connection.is_configured():
        return ok(said)
    return notice(
        said,
        explanation="Everything works. New work is noticed later, a task that is cancelled runs on for up to "
        "two seconds, and backups are refused: they need a session of their own.",
        remedies=[
            remedies.at_machine(
                "Name the same database without the pooler, then restart. If there is no pooler, or one in "
                "session mode, say so: JUGGERNAUT_POOLER=none, or session.",
                "export DATABASE_URL_DIRECT=postgresql://USER:PASSWORD@HOST:PORT/NAME",
            )
        ],
    )


def _connections(server: dict[str, object], holders: list[dict[str, object]]) -> Finding:
    used, allowed = sum(int(str(holder["connections"])) for holder in holders), int(str(server["allowed"]))
    said = f"{used} of {allowed} connections used ({server['reserved']} are reserved for superusers)"
    evidence = [
        f"{h['connections']} by {h['application']} ({h['account']} from {h['address']} on {h['database']}), "
        f"{h['active']} active"
        for h in holders[:_HOLDERS_SHOWN]
    ]
    if used < allowed * CONNECTIONS_WARNING:
        return ok(said, evidence=evidence)
    return warning(
        said,
        evidence=evidence,
        explanation="When none is left, new processes cannot connect and requests fail.",
        remedies=[
            remedies.at_machine(
                "As a superuser: allow more, then restart PostgreSQL. Or run fewer processes "
                "(JUGGERNAUT_WORKER_PROCESSES, JUGGERNAUT_WEB_PROCESSES).",
                f'psql $DATABASE_URL -c "ALTER SYSTEM SET max_connections = {allowed * 2}"',
            )
        ],
    )


def _lingering(found: list[dict[str, object]]) -> list[Finding]:
    if not found:
        return []
    oldest = found[0]
    return [
        warning(
            f"{len(found)} transaction(s) open for more than a minute",
            evidence=[
                f"pid {t['pid']}, {t['application']}, {t['state']}, {words(t['age'])}, "  # type: ignore[arg-type]
                f"waits for {t['blocked_by']} other(s): {redaction.statement(str(t['query']), limit=120)}"
                for t in found
            ],
            explanation="They hold their locks, and keep dead rows from being cleaned up.",
            remedies=[
                remedies.at_machine(
                    "End the oldest of them; what it had not committed is undone.",
                    f'psql $DATABASE_URL -c "SELECT pg_terminate_backend({oldest["pid"]})"',
                )
            ],
        )
    ]


def _applied(probe: Probe) -> set[tuple[str, str]]:
    exists = probe.row("SELECT to_regclass('django_migrations') IS NOT NULL AS exists")["exists"]
    if not exists:
        return set()
    return {(row["app"], row["name"]) for row in probe.rows("SELECT app, name FROM django_migrations")}


def _migrations(applied: set[tuple[str, str]]) -> Finding:
    shipped = readiness.needed()
    missing = sorted(".".join(migration) for migration in shipped - applied)
    if missing:
        return critical(
            f"{len(missing)} migration(s) not applied",
            evidence=missing[:20],
            explanation="This version's code expects tables and columns that are not there yet.",
            remedies=[remedies.at_machine("Bring the tables to this version.", "python manage.py migrate")],
        )
    apps = {app for app, _ in shipped}
    unknown = sorted(".".join(m) for m in applied - shipped if m[0] in apps)
    if unknown:
        return notice(
            f"{len(unknown)} migration(s) of another version are applied",
            evidence=unknown[:20],
            explanation="The database was migrated by a newer version than this one.",
        )
    return ok(f"all {len(shipped)} migrations are applied")
