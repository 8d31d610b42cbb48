"""Calls whose outcome nobody knows: made again, given up, or put before a person, as their tool says."""

from functools import partial
from typing import Any

from governance.access import approvals
from governance.access.approvals import Answer
from governance.tasks.waits import Wait, WaitKind
from reliability.calls import threads
from reliability.engine.context import TaskContext
from reliability.failures import PermanentFailure, Postponed
from workers.tools.registry import Tool


class GivenUp(PermanentFailure):
    """Nobody knows whether the call was carried out, and its tool says that it is not made again."""


async def allow(context: TaskContext, tool: Tool, arguments: object, call_key: str) -> None:
    """Returns if the call may be made although it may have been carried out already.

    Raises `GivenUp`, `Postponed` while a person has not decided, `PermanentFailure` if that one said no.
    """
    policy = tool.on_unknown(tool.parse(arguments))
    what = f"nobody knows whether {tool.name} was carried out ({call_key})"
    if policy == "fail":
        raise GivenUp(f"{what}: it is not repeated", tool_name=tool.name)
    if policy == "ask":
        await _ask(context, tool, {"repeat": call_key, "arguments": arguments}, what)


async def _ask(context: TaskContext, tool: Tool, question: dict[str, Any], what: str) -> None:
    ask = partial(approvals.require, context.worker_id, tool.name, question, task_id=context.task_id)
    verdict = await threads.run_in_thread(ask)
    if verdict.answer is Answer.WAIT:
        said = f"{what}; may it be repeated? {verdict.rule}"
        name = str(verdict.approval_id)
        raise Postponed(Wait(kind=WaitKind.APPROVAL, name=name, sentence=said, until=verdict.expires_at))
    if verdict.answer is Answer.REJECTED:
        raise PermanentFailure(f"{what}, and a person decided not to repeat it", tool_name=tool.name)
