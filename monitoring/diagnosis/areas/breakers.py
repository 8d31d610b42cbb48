"""Circuit breakers: those that do not let every call through, why, and what the services answered lately."""

from typing import Any

from governance.units import words
from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, critical, notice, ok, warning
from monitoring.diagnosis.sections import PROBE_SECONDS, section
from monitoring.health.probe import Probe, Row

_BREAKERS = """
SELECT b.name, b.state, b.kind, b.cause, b.mode, b.mode_by, b.mode_reason, b.failure_threshold,
  b.reset_timeout, now() - b.opened_at AS opened_ago, b.retry_at - now() AS retry_in,
  b.mode_until - now() AS mode_left, b.mode_until IS NULL OR b.mode_until > now() AS has_mode,
  (SELECT count(*) FROM governance_tasks t
   WHERE t.wait IS NOT NULL AND t.wait ->> 'kind' = 'breaker' AND t.wait ->> 'name' = b.name)::int AS parked
FROM circuit_breakers b ORDER BY b.name"""

# Those that were sent and failed: what a breaker refused is no news of the service.
_ERRORS = """
SELECT left(regexp_replace(error_message, '\\s+', ' ', 'g'), 160) AS said, count(*)::int AS calls,
  now() - max(created_at) AS ago
FROM tool_executions
WHERE status = 'failed' AND created_at > now() - interval '1 hour' AND rule NOT LIKE 'circuit breaker:%'
GROUP BY 1 ORDER BY calls DESC, said LIMIT 10"""


@section("breakers")
def look() -> list[Finding]:
    """Each breaker that is not closed or not left to decide; then the errors of the last hour."""
    with Probe(seconds=PROBE_SECONDS) as probe:
        breakers, errors = probe.rows(_BREAKERS), probe.rows(_ERRORS)
    found = [finding for breaker in breakers for finding in _breaker(breaker)]
    if not found:
        names = ", ".join(breaker["name"] for breaker in breakers)
        found = [ok("every circuit breaker is closed", evidence=[names] if names else None)]
    return [*found, _errors(errors)]


def _breaker(row: Row) -> list[Finding]:
    found = []
    if row["mode"] != "normal" and row["has_mode"]:
        found.append(_moded(row))
    if row["state"] != "closed":
        found.append(_not_closed(row))
    return found


def _moded(row: Row) -> Finding:
    until = f"for another {words(row['mode_left'])}" if row["mode_left"] else "until somebody restores it"
    means = {
        "forced_open": "It refuses every call.",
        "disabled": "It admits every call, whatever the service answers.",
        "shadow": "It decides and records, and refuses nothing.",
    }
    say = notice if row["mode"] == "shadow" else warning
    return say(
        f"{row['name']} is {row['mode'].replace('_', ' ')} by an operator, {until}",
        evidence=[f"by {row['mode_by'] or 'somebody in SQL'}: {row['mode_reason'] or 'no reason given'}"],
        explanation=means[row["mode"]],
        remedies=[remedies.restore_breaker(row["name"])],
    )


def _not_closed(row: Row) -> Finding:
    evidence = [f"cause: {row['cause'] or 'none given'}"]
    evidence += [f"opened {words(row['opened_ago'])} ago"] if row["opened_ago"] is not None else []
    evidence += [f"{row['parked']} task(s) wait for it"]
    if row["state"] == "half_open":
        said: dict[str, Any] = {"evidence": evidence, "explanation": "A few probes decide whether it closes."}
        return notice(f"{row['name']} is half-open", **said)
    if row["retry_in"] is None:
        return critical(
            f"{row['name']} is open until an operator acts",
            evidence=evidence,
            explanation="Calls are refused, and will not be tried again by themselves: mend the cause first "
            "(a key, a credit), then reset it.",
            remedies=[remedies.reset_breaker(row["name"])],
        )
    due = max(0.0, row["retry_in"].total_seconds())
    return warning(
        f"{row['name']} is open, next probe in {due:.0f} s",
        evidence=evidence,
        explanation="Calls are refused at once, and their tasks wait without using an attempt.",
        remedies=[remedies.reset_breaker(row["name"]), _tolerate(row)],
    )


def _tolerate(row: Row) -> remedies.Remedy:
    """As the runbook does it: twice the failures; and a probe after a minute at most."""
    return remedies.tolerate(
        row["name"],
        failure_threshold=min(2 * row["failure_threshold"], 10_000),
        reset_timeout=min(row["reset_timeout"], 60.0),
    )


def _errors(errors: list[Row]) -> Finding:
    if not errors:
        return ok("no call of a tool or a model failed in the last hour")
    count = sum(error["calls"] for error in errors)
    return notice(
        f"{count} call(s) of tools and models failed in the last hour",
        evidence=[f"{e['calls']} times, last {words(e['ago'])} ago: {e['said']}" for e in errors],
        explanation="What the services answered; failures in a row open their breakers.",
    )
