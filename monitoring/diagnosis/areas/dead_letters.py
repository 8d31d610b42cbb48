"""Dead letters: how many are open, the kinds of failure behind them, and whether they pile up."""

from governance.units import words
from monitoring.diagnosis import remedies
from monitoring.diagnosis.findings import Finding, Severity, notice, ok
from monitoring.diagnosis.sections import PROBE_SECONDS, section
from monitoring.health.probe import Probe, Row

# So many open letters of one kind, or so many failures of one kind in an hour, are more than bad luck.
PILE = 10
_GROUPS_SHOWN = 5

# Counts are kept by triggers, so no letter is counted here. Hours are whole ones: this and the last.
_GROUPS = """
SELECT s.id::text, s.failure_reason, s.task_type, s.pending, s.retrying, s.triage, s.note, s.cost_usd,
  now() - s.last_seen AS ago,
  coalesce((SELECT sum(h.failures) FROM failure_signature_hours h
            WHERE h.signature_id = s.id AND h.hour > now() - interval '2 hours'), 0)::int AS lately
FROM failure_signatures s WHERE s.pending > 0 OR s.retrying > 0
ORDER BY s.pending DESC, s.last_seen DESC LIMIT 50"""

_LATEST = """
SELECT l.id::text, l.task_id::text, l.failure_reason, now() - l.created_at AS ago FROM dead_letter_queue l
WHERE l.status IN ('pending', 'retrying') ORDER BY l.id DESC LIMIT 5"""


@section("dlq")
def look() -> list[Finding]:
    """All open letters in a sentence, then the groups that they belong to, largest first."""
    with Probe(seconds=PROBE_SECONDS) as probe:
        groups, latest = probe.rows(_GROUPS), probe.rows(_LATEST)
    if not groups:
        return [ok("no dead letter is open")]
    return [_all(groups, latest), *(_group(group) for group in groups[:_GROUPS_SHOWN])]


def _all(groups: list[Row], latest: list[Row]) -> Finding:
    pending, retrying = (sum(group[name] for group in groups) for name in ("pending", "retrying"))
    lately = sum(group["lately"] for group in groups)
    return notice(
        f"{pending} dead letter(s) wait for a person, {retrying} are being retried; {len(groups)} kind(s)",
        evidence=[
            f"{lately} failure(s) in this hour and the one before",
            *(f"{row['id']}  task {row['task_id']}, {words(row['ago'])} ago: {row['failure_reason'][:120]}"
              for row in latest),
        ],
        explanation="Their tasks have failed and stay so until somebody retries or resolves them.",
    )  # fmt: skip


def _group(group: Row) -> Finding:
    is_pile = group["pending"] >= PILE or group["lately"] >= PILE
    severity = Severity.WARNING if is_pile and group["triage"] == "open" else Severity.NOTICE
    evidence = [
        f"{group['pending']} pending, {group['retrying']} retrying",
        f"{group['lately']} failure(s) in this hour and the one before",
        f"{group['task_type']}, last {words(group['ago'])} ago, {group['cost_usd'].normalize():f} USD spent",
    ]
    evidence += [f"{group['triage']}: {group['note'] or 'no note'}"] if group["triage"] != "open" else []
    return Finding(
        severity,
        f"{group['pending']} time(s) {group['failure_reason'][:160]}",
        evidence,
        "They failed alike, so they have one cause.",
        [remedies.retry_group(group["id"]), remedies.resolve_group(group["id"])] if group["pending"] else [],
    )
