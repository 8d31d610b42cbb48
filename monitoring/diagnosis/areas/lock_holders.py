"""Who holds locks on our tables, and since when: the sessions behind what `health_locks` counts."""

from governance.audit import redaction
from governance.units import words
from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, notice, warning
from monitoring.health import locks
from monitoring.health.probe import Probe, Row

# Commits of the system hold their locks for milliseconds.
HELD_SECONDS = 5
_SHOWN, _QUERY_CHARS = 10, 160

# Whoever waits for a lock himself is left out: the one at the head of the queue keeps all of them.
# Row locks are seen by the lock that their statement took on the table: RowShare and what is stronger.
_HOLDERS = """
SELECT a.pid, a.usename AS account, coalesce(nullif(a.application_name, ''), 'unnamed') AS application,
  coalesce(host(a.client_addr), 'local') AS address, a.state, a.xact_start,
  clock_timestamp() - a.xact_start AS age, left(a.query, 2000) AS query, held.tables,
  (SELECT count(*) FROM pg_stat_activity w
   WHERE w.wait_event_type = 'Lock' AND a.pid = ANY(pg_blocking_pids(w.pid)))::int AS waiting
FROM pg_stat_activity a
JOIN LATERAL (
  SELECT string_agg(DISTINCT c.relname, ', ' ORDER BY c.relname) AS tables
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> ALL('{pg_catalog,information_schema}')
  WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.mode <> 'AccessShareLock') held
  ON held.tables IS NOT NULL
WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.datname = current_database()
  AND a.wait_event_type IS DISTINCT FROM 'Lock'
  AND clock_timestamp() - a.xact_start > %(seconds)s * interval '1 second'
ORDER BY waiting DESC, a.xact_start LIMIT %(limit)s"""


def look(probe: Probe) -> list[Finding]:
    """Who holds locks on our tables for longer than any of our commits, and what waits."""
    found = locks.waiting(probe)
    holders = probe.rows(_HOLDERS, {"seconds": HELD_SECONDS, "limit": _SHOWN})
    if not holders:
        return [_unknown_holder(found)] if locks.is_waiting(found) else []
    said = f"{len(holders)} transaction(s) hold locks for more than {HELD_SECONDS} s"
    evidence = [_holder(row) for row in holders]
    if not locks.is_waiting(found):
        return [notice(said, evidence=evidence, explanation="Nothing of the system waits for them yet.")]
    return [
        warning(
            said,
            evidence=[*locks.described(found), *evidence],
            explanation="Tasks whose rows are locked cannot go on; all others do.",
            remedies=[
                remedies.at_machine(
                    "End the first of them; what it had not committed is undone.",
                    f'psql $DATABASE_URL -c "SELECT pg_terminate_backend({holders[0]["pid"]})"',
                )
            ],
        )
    ]


def _unknown_holder(found: Row) -> Finding:
    return notice(
        "something waits for a lock that nobody holds any more, or has held for long",
        evidence=locks.described(found),
        explanation="It goes on by itself within seconds.",
    )


def _holder(row: Row) -> str:
    shown = redaction.statement(str(row["query"] or ""), limit=_QUERY_CHARS)
    since = f"{row['xact_start']:%Y-%m-%d %H:%M:%S %Z} ({words(row['age'])})"
    return (
        f"pid {row['pid']}, user {row['account'] or 'unknown'}, {row['application']} from {row['address']},"
        f" {row['state'] or 'state unknown'}, since {since},"
        f" on {row['tables']}; {row['waiting']} statement(s) wait for it: {shown}"
    )
