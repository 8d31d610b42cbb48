"""How long everything lives: rules in rows, and walks over the tables that remove what is older.

    retention.prune(now=now)                       # everything that may go by the rules, a batch at a time
    retention.walk_on(now=now, seconds=0.5)        # the watchdog's share: goes on where it stopped
    retention.keep("completed tasks", days=30, actor=actor, reason="disk")

Nothing that lives, waits for a person or is counted at the moment is ever removed; `retention.md` in
`docs/architecture/` says what that means for each table. Apps above register walks of their own tables.
"""

from governance.retention import tables as _kinds  # noqa: F401 (registers governance's own walks)
from governance.retention.batches import BatchedScan, names, plain, register
from governance.retention.pruning import Step, prune, run_slice
from governance.retention.rules import PERMISSION, VIEW, cutoff, keep, known

__all__ = [
    "PERMISSION",
    "VIEW",
    "BatchedScan",
    "Step",
    "cutoff",
    "keep",
    "known",
    "names",
    "plain",
    "prune",
    "register",
    "run_slice",
]
