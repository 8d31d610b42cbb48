"""The life of a task: every edge between its states. No other code writes `governance_tasks.status`.

Each edge is one function and one statement: it locks the rows it may touch, moves those that stand
where the edge begins, and writes their events in the same transaction. All are set-based. The
engine's edges are fenced by the lease token: whoever lost the lease moves nothing. The diagram is in
`governance.models.task.Task`.
"""

from governance.tasks.transitions.claiming import claim, claim_suspect
from governance.tasks.transitions.leases import LEASE, extend_unrenewed, renew, rescue, take_back
from governance.tasks.transitions.operators import cancel, dead_letter, retry, terminate
from governance.tasks.transitions.parking import park
from governance.tasks.transitions.recorded import Recorded, still_held
from governance.tasks.transitions.releasing import (
    release_decided,
    release_expired_waits,
    release_recovered,
    release_unpaused,
    release_within_budget,
    waited_for,
)
from governance.tasks.transitions.reporting import (
    complete,
    fail,
    give_back,
    retry_later,
    return_unknown_claims,
)
from governance.tasks.transitions.steps import INPUTS, refuse, set_inputs, skip, wake_workflows
from governance.tasks.transitions.waiting import DEPENDENCIES, expire, release_dependents

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
    "expire",
    "extend_unrenewed",
    "fail",
    "give_back",
    "park",
    "refuse",
    "release_decided",
    "release_dependents",
    "release_expired_waits",
    "release_recovered",
    "release_unpaused",
    "release_within_budget",
    "renew",
    "rescue",
    "retry",
    "retry_later",
    "return_unknown_claims",
    "set_inputs",
    "skip",
    "still_held",
    "take_back",
    "terminate",
    "waited_for",
    "wake_workflows",
]
