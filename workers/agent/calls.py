"""The calls that a model asked for: made once, and what became of them kept and told.

What a call comes to is an answer for the model, also when it is refused or fails: the model may find
another way. What the task has to wait for ends the attempt; the call is asked for again when it goes on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from gateway.providers.answer import arguments_of
from governance.errors import InvalidInput
from governance.tasks.checkpoints import Checkpoint, key
from reliability.calls import threads
from reliability.engine.context import TaskContext
from reliability.failures import DeadlinePassed, PermanentFailure, TransientFailure
from workers import tools
from workers.agent.conversation import ToolCallRequest
from workers.agent.toolbox import Toolbox
from workers.checkpoint_store import MAX_NAME, CheckpointStore
from workers.tools import Tool, repeating
from workers.tools.repeating import GivenUp

AT_ONCE = 8


class Calls:
    """`begun` are the calls, by key, that were sent before this attempt; see
    `governance.tasks.checkpoints.started_calls`."""

    def __init__(self, context: TaskContext, toolbox: Toolbox, begun: Mapping[str, Sequence[UUID]]) -> None:
        self._context = context
        self._toolbox = toolbox
        self._begun = set(begun)
        self._places = asyncio.Semaphore(AT_ONCE)

    async def make(self, turn: int, place: int, wanted: ToolCallRequest) -> Checkpoint:
        """Make the call and keep what came of it. Raises what ends the attempt."""
        keeper = CheckpointStore(self._context, turn, place)
        async with self._places:
            try:
                tool, arguments = self._read(wanted)
                await self._call(tool, arguments, keeper, key(turn, place))
            except DeadlinePassed:
                raise
            except (PermanentFailure, TransientFailure, InvalidInput) as failed:
                await self._keep_error(keeper, str(failed), wanted.name)
                if isinstance(failed, GivenUp):
                    raise
        assert keeper.step is not None
        return keeper.step

    def _read(self, wanted: ToolCallRequest) -> tuple[Tool, Any]:
        tool = self._toolbox.find(wanted.name, kept=wanted.tool)
        if tool is None:
            offered = ", ".join(self._toolbox.by_name) or "none"
            raise PermanentFailure(f"no tool {wanted.name[:MAX_NAME]!r} is offered; there are: {offered}")
        try:
            return tool, arguments_of(wanted.arguments)
        except ValueError as wrong:
            raise PermanentFailure(str(wrong)) from None

    async def _call(self, tool: Tool, arguments: Any, keeper: CheckpointStore, call_key: str) -> None:
        """Once; and once more after an outcome that nobody knows, if the tool's policy says so."""
        allow = partial(repeating.allow, self._context, tool, arguments, call_key)
        if call_key in self._begun:
            await allow()
        kept = partial(keeper.result, name=tool.name)
        try:
            await tools.call(self._context, tool.name, arguments, key=call_key, kept=kept)
        except TransientFailure as failure:
            if not failure.is_outcome_unknown:
                raise
            await allow()
            await tools.call(self._context, tool.name, arguments, key=call_key, kept=kept)

    async def _keep_error(self, keeper: CheckpointStore, message: str, name: str) -> None:
        await threads.run_in_thread(partial(keeper.error, message, name=name))
