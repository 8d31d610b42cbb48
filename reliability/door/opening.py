"""Through the gates, and back again when one of them refuses."""

import logging
from collections.abc import Sequence

from django.db import DatabaseError, InterfaceError, connection

from governance import outages, tool_executions
from governance.errors import BudgetExceeded, InvalidInput, LeaseLost
from reliability.door import refusals
from reliability.door.call import Call
from reliability.door.gates import GATES, Gate
from reliability.door.refusals import Refused
from reliability.errors import BreakerOpen, RateLimited
from reliability.failures import Stopped

logger = logging.getLogger(__name__)


def enter(call: Call, gates: Sequence[Gate] = GATES) -> None:
    """Take every gate in order. Whatever refuses, what was taken is given back in reverse, the refusal
    becomes one row that names the rule, and its error is raised."""
    passed: list[Gate] = []
    try:
        for gate in gates:
            passed.append(gate)
            _take(gate, call)
    except BaseException as error:
        undo(call, passed)
        refused = _as_refusal(call, error)
        if refused is None:
            raise
        _record(call, refused)
        raise refused.error from (None if refused is error else error)


def undo(call: Call, passed: Sequence[Gate] = GATES) -> None:
    """Give back what these gates took, the last first; each is tried, whatever became of the others."""
    for gate in reversed(passed):
        try:
            gate.undo(call)
        except Exception as error:  # noqa: BLE001 the others are undone all the same; nothing is hidden
            _close_if_broken(error)
            logger.error(
                "the %s gate of task %s could not be undone: %s",
                gate.name,
                call.context.task_id,
                outages.describe_if_lost(error),
            )


def _take(gate: Gate, call: Call) -> None:
    """A connection that broke while nobody used it is found out by the first gate, which changes nothing."""
    try:
        gate.enter(call)
    except (DatabaseError, InterfaceError) as error:
        if gate is not GATES[0] or not _close_if_broken(error):
            raise
        gate.enter(call)


def _as_refusal(call: Call, error: BaseException) -> Refused | None:
    match error:
        case Refused():
            return error
        case RateLimited():
            return refusals.too_often(error)
        case BudgetExceeded():
            return refusals.too_dear(error)
        case BreakerOpen():
            return refusals.broken(error)
        case LeaseLost() | Stopped():
            return refusals.taken(error)
        case InvalidInput():
            return refusals.senseless(call.ask, error)
        case DatabaseError() | InterfaceError():
            _close_if_broken(error)
            return refusals.unanswerable(call.ask, error)
    return None


def _record(call: Call, refused: Refused) -> None:
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
            outages.describe_if_lost(error),
        )


def _close_if_broken(error: Exception) -> bool:
    """The connection is made anew at the next statement."""
    is_broken = outages.is_connection_failure(error)
    if is_broken and not connection.in_atomic_block:
        connection.close()
    return is_broken
