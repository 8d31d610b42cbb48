"""Which messages are due: written as rows, so that everybody who sends agrees on what was sent.

An open alert is told at once, and again every `repeat_seconds` of its rule; whoever moves `told_at` writes
the messages, and only one can. What was told to be so is told to be over. While an alert is acknowledged or
muted nobody is told, and what waits to be sent is dropped when it is no longer true.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from governance.version import VERSION
from monitoring.alerts.delivery.channels import Target

# Messages are kept for whoever wants to know who was told.
KEPT = timedelta(days=30)

_FIRING = """
WITH due AS (
  UPDATE alerts a SET told_at = statement_timestamp() FROM alert_rules r
  WHERE r.name = a.rule_id AND r.is_enabled AND a.state = 'open'
    AND (a.muted_until IS NULL OR a.muted_until <= statement_timestamp())
    AND (a.told_at IS NULL OR a.told_at <= statement_timestamp() - r.repeat_seconds * interval '1 second')
  RETURNING a.*)
INSERT INTO alert_messages (alert_id, kind, channel, target, told_at, content)
SELECT a.id, 'firing', t.channel, t.target, a.told_at, {content}
FROM due a CROSS JOIN unnest(%(channels)s::text[], %(targets)s::text[]) AS t(channel, target)
ON CONFLICT DO NOTHING"""

# Of what is over: the last message to each target that it is so, if it may have arrived.
_OVER = """
INSERT INTO alert_messages AS known (alert_id, kind, channel, target, told_at, content)
SELECT a.id, 'resolved', told.channel, told.target, told.told_at, {content}
FROM alerts a JOIN alert_rules r ON r.name = a.rule_id AND r.is_enabled
CROSS JOIN LATERAL (
  SELECT DISTINCT ON (m.channel, m.target) m.channel, m.target, m.told_at FROM alert_messages m
  WHERE m.alert_id = a.id AND m.kind = 'firing' AND m.state IN ('sent', 'sending', 'unknown')
  ORDER BY m.channel, m.target, m.told_at DESC) told
WHERE a.state = 'resolved' AND a.resolved_at > statement_timestamp() - interval '1 day'
  AND (a.muted_until IS NULL OR a.muted_until <= statement_timestamp())
ON CONFLICT (alert_id, kind, told_at, channel, target) DO UPDATE
SET state = 'waiting', next_try_at = statement_timestamp(), tries = 0, error = '', ended_at = NULL,
  content = excluded.content
WHERE known.state = 'dropped'"""

_CONTENT = """jsonb_build_object(
  'subject', left(translate(concat('[', {word}, '] ', a.rule_id, ' ', a.subject), E'\\n\\r\\t', '   '), 200),
  'text', concat_ws(E'\\n', {said}, nullif('Do: ' || a.remedy, 'Do: '),
                    'Since ' || to_char(a.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')),
  'data', jsonb_build_object('alert_id', a.id, 'rule', a.rule_id, 'subject', a.subject, 'state', a.state,
    'severity', a.severity, 'value', a.value, 'occurrences', a.occurrences, 'opened_at', a.opened_at,
    'resolved_at', a.resolved_at, 'version', %(version)s::text))"""


_TELL_FIRING = _FIRING.format(content=_CONTENT.format(word="a.severity", said="a.said"))
_TELL_OVER = _OVER.format(content=_CONTENT.format(word="'resolved'", said="'It is over. It was: ' || a.said"))

_NO_LONGER_TRUE = """
UPDATE alert_messages m SET state = 'dropped', ended_at = statement_timestamp(), error = 'no longer true'
FROM alerts a
WHERE m.alert_id = a.id AND m.state = 'waiting'
  AND (m.kind = 'firing' AND a.state <> 'open' OR m.kind = 'resolved' AND a.state <> 'resolved'
       OR a.muted_until > statement_timestamp())"""

_TOO_LATE = """
UPDATE alert_messages m SET state = 'failed', ended_at = statement_timestamp(),
  error = concat_ws(': ', 'not delivered before the next interval began', nullif(m.error, ''))
FROM alerts a
WHERE m.alert_id = a.id AND m.state = 'waiting' AND m.kind = 'firing' AND m.told_at < a.told_at"""

_FORGOTTEN = (
    "DELETE FROM alert_messages WHERE created_at < statement_timestamp() - %(kept)s AND state <> 'waiting'"
)


@transaction.atomic
def enqueue(targets: Sequence[Target]) -> int:
    """Write the messages that are due to these targets, and end those that are not any more; how many new.

    Without targets nothing counts as told: the first that is set up is told what is open then.
    """
    named: dict[str, Any] = {
        "channels": [target.channel for target in targets],
        "targets": [target.name for target in targets],
        "version": VERSION,
        "kept": KEPT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NO_LONGER_TRUE)
        written = 0
        if targets:
            cursor.execute(_TELL_FIRING, named)
            written += cursor.rowcount
            cursor.execute(_TELL_OVER, named)
            written += cursor.rowcount
        cursor.execute(_TOO_LATE)
        cursor.execute(_FORGOTTEN, named)
    return written
