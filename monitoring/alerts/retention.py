"""Retention of alerts. Messages have an end of their own."""

from governance.retention import BatchedScan, plain

# One that is muted keeps the word of who muted it, until then.
_OVER = """r.state = 'resolved' AND r.resolved_at < %(before)s AND coalesce(r.muted_until < %(before)s, true)
  AND NOT EXISTS (SELECT FROM alert_messages m WHERE m.alert_id = r.id)"""

WALK = BatchedScan("alerts", "alerts", ("resolved alerts",), plain("alerts", _OVER, rule="resolved alerts"))
