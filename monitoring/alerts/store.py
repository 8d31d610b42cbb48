"""Findings become rows: one for each rule and subject, opened again when it comes again.

Any number of evaluators may do this at once: each statement leaves the rows as its own findings say.
"""

import logging
from collections.abc import Sequence

import orjson
from django.db import connection

from monitoring.alerts.rule_registry import MAX_SUBJECT, Finding
from monitoring.models import AlertRule

logger = logging.getLogger(__name__)

_FOUND = """
INSERT INTO alerts AS a
  (rule_id, subject, severity, said, remedy, value, evidence, first_at, opened_at, seen_at)
SELECT %(rule)s, f.subject, %(severity)s, f.said, f.remedy, f.value, f.evidence, t.now, t.now, t.now
FROM jsonb_to_recordset(%(findings)s::jsonb)
  AS f(subject text, said text, remedy text, value float8, evidence jsonb)
CROSS JOIN (SELECT statement_timestamp() AS now) t
ORDER BY f.subject
ON CONFLICT (rule_id, subject) DO UPDATE SET
  severity = excluded.severity, said = excluded.said, remedy = excluded.remedy, value = excluded.value,
  evidence = excluded.evidence, seen_at = excluded.seen_at,
  state = CASE a.state WHEN 'resolved' THEN 'open' ELSE a.state END,
  occurrences = a.occurrences + (a.state = 'resolved')::int,
  opened_at = CASE a.state WHEN 'resolved' THEN excluded.opened_at ELSE a.opened_at END,
  resolved_at = NULL,
  acknowledged_at = CASE a.state WHEN 'resolved' THEN NULL ELSE a.acknowledged_at END,
  acknowledged_by = CASE a.state WHEN 'resolved' THEN '' ELSE a.acknowledged_by END,
  acknowledged_why = CASE a.state WHEN 'resolved' THEN '' ELSE a.acknowledged_why END
RETURNING a.subject, a.said, a.opened_at = a.seen_at AS has_opened"""

_OVER = """
UPDATE alerts SET state = 'resolved', resolved_at = now()
WHERE rule_id = %(rule)s AND state <> 'resolved' AND NOT subject = ANY(%(subjects)s)
RETURNING subject"""


def save(rule: AlertRule, findings: Sequence[Finding]) -> int:
    """Open what was found, resolve what was not; how many alerts opened or ended."""
    opened = _open(rule, findings)
    over = _resolve(rule, [finding.subject[:MAX_SUBJECT] for finding in findings])
    return len(opened) + len(over)


def _open(rule: AlertRule, findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, {"rule": rule.name, "severity": rule.severity, "findings": _as_json(findings)})
        opened = [(subject, said) for subject, said, has_opened in cursor.fetchall() if has_opened]
    for subject, said in opened:
        logger.error("alert %s (%s): %s", rule.name, subject, said)
    return [subject for subject, _ in opened]


def _resolve(rule: AlertRule, subjects: Sequence[str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_OVER, {"rule": rule.name, "subjects": list(subjects)})
        over = [subject for (subject,) in cursor.fetchall()]
    for subject in over:
        logger.info("alert %s (%s) is over", rule.name, subject)
    return over


def _as_json(findings: Sequence[Finding]) -> str:
    return orjson.dumps(
        [
            {
                "subject": finding.subject[:MAX_SUBJECT],
                "said": finding.said,
                "remedy": finding.remedy,
                "value": finding.value,
                "evidence": finding.evidence,
            }
            for finding in findings
        ]
    ).decode()
