"""Through the gates, and back again when one of them refuses."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TypeAlias, get_args

from django.db import DatabaseError, InterfaceError, connection

from governance.access import tool_executions
from governance.db import errors as db_errors
from governance.db import locks
from governance.errors import BudgetExceeded, InvalidInput, LeaseLost
from reliability.calls import rejections
from reliability.calls.context import CallContext
from reliability.calls.gates import GATES, Gate
from reliability.calls.rejections import Rejected
from reliability.errors import BreakerOpen, RateLimited
from reliability.failures import Stopped

logger = logging.getLogger(__name__)

# What a gate refuses by, or cannot decide for. Anything else is a fault, and raised as it is.
Refusal: TypeAlias = (
    Rejected | RateLimited | BudgetExceeded | BreakerOpen | LeaseLost | Stopped | InvalidInput
    | DatabaseError | InterfaceError
)  # fmt: skip
_REFUSALS = get_args(Refusal)
# How long a gate waits for rows that somebody else has locked. Then it cannot decide, and nothing is sent.
LOCK_SECONDS = 2.0


def admit(call: CallContext, gates: Sequence[Gate] = GATES) -> None:
    """Take every gate in order. Whatever refuses, what was taken is given back in reverse, the refusal
    becomes one row that names the rule, and its error is raised."""
    try:
        _take_all(call, gates)
    except _REFUSALS as error:
        refused = _as_refusal(call, error)
        _record(call, refused)
        raise refused.error from (None if refused is error else error)


def roll_back(call: CallContext, passed: Sequence[Gate] = GATES) -> None:
    """Give back what these gates took, the last first; each is tried, whatever became of the others."""
    for gate in reversed(passed):
        _undo(gate, call)


def _take_all(call: CallContext, gates: Sequence[Gate]) -> None:
    """All of them, or none: whatever happens on the way, what was taken until then is given back."""
    with ExitStack() as taken:
        for gate in gates:
            taken.callback(_undo, gate, call)
            _take(gate, call, is_first=gate is gates[0])
        taken.pop_all()


def _undo(gate: Gate, call: CallContext) -> None:
    try:
        _give_back(gate, call)
    except Exception as error:  # noqa: BLE001 the others are undone all the same; nothing is hidden
        logger.error(
            "the %s gate of task %s could not be undone: %s",
            gate.name,
            call.context.task_id,
            db_errors.describe_if_unavailable(error),
        )


def _take(gate: Gate, call: CallContext, *, is_first: bool) -> None:
    """A connection that broke while nobody used it is found out by the first gate, which changes nothing.
    One that breaks later is closed, or nothing could be given back on it."""
    call.gate = gate.name
    try:
        with locks.wait_at_most(LOCK_SECONDS):
            gate.enter(call)
    except (DatabaseError, InterfaceError) as error:
        if not _close_if_broken(error) or not is_first:
            raise
        _take(gate, call, is_first=False)


def _give_back(gate: Gate, call: CallContext) -> None:
    try:
        gate.undo(call)
    except (DatabaseError, InterfaceError) as error:
        if not _close_if_broken(error):
            raise
        gate.undo(call)


def _as_refusal(call: CallContext, error: Refusal) -> Rejected:
    match error:
        case Rejected():
            return error
        case RateLimited():
            return rejections.rate_limited(error)
        case BudgetExceeded():
            return rejections.budget_exceeded(error)
        case BreakerOpen():
            return rejections.breaker_open(error)
        case LeaseLost() | Stopped():
            return rejections.lease_lost(error)
        case InvalidInput():
            return rejections.invalid_request(call.ask, error)
        case DatabaseError() | InterfaceError():
            return rejections.undecided(call.ask, call.gate, error)


def _record(call: CallContext, refused: Rejected) -> None:
    """The refusal stands whether or not it can be written down."""
    try:
        tool_executions.refuse(
            call.record(), rule=refused.rule, error_message=refused.message, failed=refused.is_failure
        )
    except (DatabaseError, InterfaceError) as error:
        _close_if_broken(error)
        logger.error(
            "refused %s for task %s (%s), which could not be recorded: %s",
            call.ask.tool_name,
            call.context.task_id,
            refused.rule,
            db_errors.describe_if_unavailable(error),
        )


def _close_if_broken(error: BaseException) -> bool:
    """The connection is made anew at the next statement."""
    is_broken = db_errors.wants_new_connection(error)
    if is_broken and not connection.in_atomic_block:
        connection.close()
    return is_broken
