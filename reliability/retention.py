"""Retention of reliability's own tables."""

from governance.retention import BatchedScan, plain

# The last of each kind stays: the ramp asks when a breaker last began to let calls through.
_EVENT_OVER = """r.created_at < %(before)s AND EXISTS (
  SELECT FROM circuit_breaker_events n
  WHERE n.breaker = r.breaker AND n.created_at >= r.created_at AND n.id > r.id
    AND (n.kind, n.to_state) = (r.kind, r.to_state))"""

# A redrive that has ended but still settles what it handed over is not finished. Its items go first, and
# the redrive itself when none is left: so no transaction removes a hundred thousand rows.
_FINISHED = (
    "r.state IN ('completed', 'stopped', 'aborted') AND r.handed_over = 0 AND r.finished_at < %(before)s"
)
_ITEM_OVER = f"EXISTS (SELECT FROM redrives i WHERE i.id = r.redrive_id AND {_FINISHED.replace('r.', 'i.')})"
_REDRIVE_OVER = f"{_FINISHED} AND NOT EXISTS (SELECT FROM redrive_items i WHERE i.redrive_id = r.id)"

WALKS = (
    BatchedScan(
        "breaker events", "circuit_breaker_events", ("breaker events",),
        plain("circuit_breaker_events", _EVENT_OVER, rule="breaker events", key_type="bigint"),
        key_type="bigint", has_time=False,
    ),
    BatchedScan(
        "redrive items", "redrive_items", ("redrives",),
        plain("redrive_items", _ITEM_OVER, rule="redrives", key_type="bigint"),
        key_type="bigint", has_time=False,
    ),
    BatchedScan("redrives", "redrives", ("redrives",), plain("redrives", _REDRIVE_OVER, rule="redrives")),
)  # fmt: skip
