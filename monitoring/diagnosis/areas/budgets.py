"""Budgets and permissions: what is used up, what governance refused, and whether the books balance."""

import psycopg2
from django.utils import timezone

from governance.budgets import reconciliation
from governance.units import words
from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, critical, notice, ok, warning
from monitoring.diagnosis.sections import PROBE_SECONDS, section
from monitoring.health import gates
from monitoring.health.probe import DidNotAnswerError, Probe, Row

# Comparing the books reads all lines of the day: it has a time limit of its own, within that of all.
BOOKS_SECONDS = 1.4
_SHOWN = 10

_WAITING = """
SELECT wait ->> 'name' AS scope, count(*)::int AS tasks FROM governance_tasks
WHERE wait IS NOT NULL AND wait ->> 'kind' = 'budget' GROUP BY 1"""

_DENIED = """
SELECT worker_id, tool_name, rule, count(*)::int AS calls, now() - max(created_at) AS ago
FROM tool_executions e
WHERE status = 'refused' AND created_at > now() - interval '1 hour' AND rule LIKE 'permission:%'
  AND NOT EXISTS (SELECT FROM tool_permission(e.worker_id, e.tool_name, now()) p WHERE p.effect = 'allow')
GROUP BY 1, 2, 3 ORDER BY calls DESC, 1, 2 LIMIT 10"""


@section("budgets")
def look() -> list[Finding]:
    """Windows that are used up or nearly, calls without permission, and the books."""
    with Probe(seconds=PROBE_SECONDS) as probe:
        windows = probe.rows(gates.BUDGETS)
        waiting = {row["scope"]: row["tasks"] for row in probe.rows(_WAITING)}
        denied, checked = probe.rows(_DENIED), probe.row(gates.BOOKS)
    return [*_windows(windows, waiting), *_denied(denied), _books(checked)]


def _windows(windows: list[Row], waiting: dict[str, int]) -> list[Finding]:
    spent = [row for row in windows if row["used"] >= row["cap"]]
    nearly = [row for row in windows if row not in spent and row["used"] >= gates.NEARLY * row["cap"]]
    found = [_used_up(scope, spent, waiting.get(scope, 0)) for scope in _scopes(spent)]
    found += [_nearly(scope, nearly) for scope in _scopes(nearly)]
    # A call may be too dear for what is left, long before all of it is used.
    found += [_too_dear(scope, waiting[scope]) for scope in sorted(set(waiting) - set(_scopes(spent)))]
    return found or [ok("every budget has money left", evidence=[_told(row) for row in windows])]


def _scopes(windows: list[Row]) -> list[str]:
    return sorted({row["scope"] for row in windows})


def _used_up(scope: str, spent: list[Row], waiting: int) -> Finding:
    return warning(
        f"the budget of {scope} is used up",
        evidence=[*(_told(row) for row in spent if row["scope"] == scope), f"{waiting} task(s) wait for it"],
        explanation="Calls that cost money are refused; their tasks wait until the window turns or the limit "
        "is raised.",
        remedies=[remedies.raise_limits(scope)],
    )


def _nearly(scope: str, nearly: list[Row]) -> Finding:
    return notice(
        f"the budget of {scope} is at {gates.NEARLY:.0%} or more",
        evidence=[_told(row) for row in nearly if row["scope"] == scope],
        remedies=[remedies.raise_limits(scope)],
    )


def _too_dear(scope: str, tasks: int) -> Finding:
    said = f"{tasks} task(s) wait for money of {scope}"
    if scope.startswith("task:"):
        return warning(said, explanation="The envelope of that task holds less than the next call may cost.")
    return warning(
        said,
        explanation="What is left is less than their next call may cost.",
        remedies=[remedies.raise_limits(scope)],
    )


def _told(row: Row) -> str:
    used, cap = (f"{row[name].normalize():f}" for name in ("used", "cap"))
    return f"{row['scope']}, {row['kind']}: {used} of {cap} USD spent or held"


def _denied(rows: list[Row]) -> list[Finding]:
    """What is still not allowed; a permission that was granted since is no finding."""
    return [
        warning(
            f"{row['worker_id']} may not call {row['tool_name']}",
            evidence=[f"{row['calls']} call(s) refused, last {words(row['ago'])} ago: {row['rule']}"],
            explanation="No row means no. Tasks that need the call become dead letters.",
            remedies=[remedies.grant(row["worker_id"], row["tool_name"])],
        )
        for row in rows
    ]


def _books(checked: Row) -> Finding:
    """What the watchdog found within the last minute, if all is well; else what is found now."""
    if checked["checks"] and not checked["places"]:
        told = f"the watchdog compared them {words(checked['ago'])} ago"
        return ok("the books of today balance", evidence=[told])
    facts = reconciliation.facts(timezone.now())
    try:
        with Probe(seconds=BOOKS_SECONDS) as probe:
            drift = [row for query in reconciliation.QUERIES for row in probe.rows(query, facts)]
    except (psycopg2.Error, DidNotAnswerError) as error:
        return _counted(checked, error)
    if not drift:
        return ok("the books of today balance")
    return critical(
        f"the books do not balance in {len(drift)} place(s)",
        evidence=[
            f"{row['place']}: {row['what']} is {row['stands']} USD, its lines add up to {row['adds_up']} USD"
            for row in drift[:_SHOWN]
        ],
        explanation="A number is not the sum of its lines: something wrote past the ledger. Budgets may let "
        "too much through, or too little.",
        remedies=[
            remedies.look_at_ledger(),
            remedies.at_machine("See since when.", 'grep "the books do not balance" logs/juggernaut.log'),
        ],
    )


def _counted(checked: Row, error: Exception) -> Finding:
    """Too much to compare in time: what the watchdog found, which may take longer."""
    told = f"they could not be compared now: {' '.join(str(error).split())}"
    if not checked["checks"]:
        return notice("nobody knows whether the books balance", evidence=[told])
    return critical(
        f"the watchdog found the books unbalanced in {checked['places']} place(s)",
        evidence=[told],
        remedies=[remedies.look_at_ledger()],
    )
