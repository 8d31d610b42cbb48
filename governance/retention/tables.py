"""The walks over the tables of governance."""

from governance.retention import subtrees
from governance.retention.batches import BatchedScan, plain, register

HOLDS = "ended holds"

# The hold of a task that is still there stays: its window is the sum of such holds.
_HOLD_ENDED = """r.state <> 'open' AND r.ended_at < %(before)s AND r.created_at < %(before)s
  AND NOT EXISTS (SELECT FROM governance_tasks t WHERE t.id = r.task_id)"""
_LETTER_RESOLVED = "r.status = 'resolved' AND r.resolved_at < %(before)s"
# A rejection stands until it expires, an approval until it is used.
_APPROVAL_OVER = """r.status IN ('rejected', 'used', 'expired') AND r.created_at < %(before)s
  AND r.expires_at < %(before)s"""
# The last time of a recurring task stays: it says whether the one before it still lives.
_RUN_OVER = """r.slot < %(before)s AND EXISTS (
  SELECT FROM recurring_runs n WHERE n.recurring_id = r.recurring_id AND n.slot > r.slot)"""

register(BatchedScan("tasks", "governance_tasks", subtrees.RULES, subtrees.eligible_subtrees, window=500))
register(
    BatchedScan(
        "resolved letters", "dead_letter_queue", (subtrees.LETTERS,),
        plain("dead_letter_queue", _LETTER_RESOLVED, rule=subtrees.LETTERS),
    )
)  # fmt: skip
register(
    BatchedScan(HOLDS, "budget_holds", (HOLDS,), plain("budget_holds", _HOLD_ENDED, rule=HOLDS), window=5000)
)
register(
    BatchedScan(
        "approvals", "approvals", ("approvals",), plain("approvals", _APPROVAL_OVER, rule="approvals")
    )
)
register(
    BatchedScan(
        "recurring runs", "recurring_runs", ("recurring runs",),
        plain("recurring_runs", _RUN_OVER, rule="recurring runs", key_type="bigint"),
        key_type="bigint", has_time=False,
    )
)  # fmt: skip
