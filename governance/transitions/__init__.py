"""The life of a task: every edge between its states. No other code writes `governance_tasks.status`.

Each edge is one function and one statement: it locks the rows it may touch, moves those that stand
where the edge begins, and writes their events in the same transaction. All are set-based. The
engine's edges are fenced by the lease token: whoever lost the lease moves nothing. The diagram is in
`governance.models.task.Task`.
"""

from governance.transitions.claiming import claim, claim_suspect
from governance.transitions.leases import LEASE, extend_unrenewed, renew, rescue, take_back
from governance.transitions.operators import cancel, dead_letter, retry, terminate
from governance.transitions.parking import park
from governance.transitions.recorded import Recorded, still_held
from governance.transitions.releasing import (
    release_affordable,
    release_decided,
    release_recovered,
    release_unpaused,
    release_waited_out,
    waited_for,
)
from governance.transitions.reporting import complete, disclaim, fail, give_back, retry_later
from governance.transitions.steps import INPUTS, feed, refuse, skip, wake_workflows
from governance.transitions.waiting import DEPENDENCIES, expire, release_dependents

__all__ = [
    "DEPENDENCIES",
    "INPUTS",
    "LEASE",
    "Recorded",
    "cancel",
    "claim",
    "claim_suspect",
    "complete",
    "dead_letter",
    "disclaim",
    "expire",
    "extend_unrenewed",
    "fail",
    "feed",
    "give_back",
    "park",
    "refuse",
    "release_affordable",
    "release_decided",
    "release_dependents",
    "release_recovered",
    "release_unpaused",
    "release_waited_out",
    "renew",
    "rescue",
    "retry",
    "retry_later",
    "skip",
    "still_held",
    "take_back",
    "terminate",
    "waited_for",
    "wake_workflows",
]
