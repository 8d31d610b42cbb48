"""Task type `agent`: a model with tools, turn by turn, until it has an answer of the asked shape.

Every answer of the model and every result of a tool is stored in the transaction that books its call. So
whoever takes the task up again, after a crash, an error or a wait, begins with the first thing that is not
finished: nothing is paid for or done twice.
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NoReturn

from gateway import providers
from governance import costs
from governance.models import TaskStep
from governance.tasks import checkpoints
from governance.tasks.checkpoints import Checkpoint
from governance.tasks.registry import register
from governance.workers import heartbeats
from reliability.calls import threads
from reliability.engine.context import TaskContext
from reliability.failures import PermanentFailure, Postponed, Stopped
from workers.agent import conversation, limits
from workers.agent.calls import Calls
from workers.agent.conversation import Turn
from workers.agent.payload import AgentPayload, AgentResult
from workers.agent.toolbox import Toolbox
from workers.checkpoint_store import CheckpointStore


@register("agent", schema=AgentPayload, timeout_seconds=3_600)
async def run(payload: AgentPayload, context: TaskContext) -> AgentResult:
    """Work until there is an answer. Fails for good, with the reason, at a limit: see `limits.StopReason`."""
    agent = Agent(payload, context)
    await agent.resume()
    return await agent.work()


class Agent:
    """One attempt at one task."""

    def __init__(self, payload: AgentPayload, context: TaskContext) -> None:
        self._payload = payload
        self._context = context
        self._turns: list[Turn] = []

    async def resume(self) -> None:
        """Take up what is finished already."""
        found, begun, instructions, self._toolbox = await threads.run_in_thread(self._read)
        self._turns = conversation.turns(found)
        self._instructions = instructions
        self._calls = Calls(self._context, self._toolbox, begun)

    def _read(self) -> tuple[list[Checkpoint], Any, str, Toolbox]:
        task_id, worker_id = self._context.task_id, self._context.worker_id
        return (
            checkpoints.load(task_id),
            checkpoints.started_calls(task_id),
            heartbeats.instructions(worker_id),
            Toolbox.of(worker_id, self._payload.tools),
        )

    async def work(self) -> AgentResult:
        """Turn by turn: calls that have no result yet, then the model again."""
        while True:
            last = self._turns[-1] if self._turns else None
            if last and last.answer and not last.wanted:
                answer, wrong = conversation.read_answer(last, self._payload.answer_schema)
                if not wrong:
                    return await self._result(answer)
            await self._stop_at_limit()
            if last and last.missing:
                await self._call(last)
            else:
                await self._ask()

    async def _ask(self) -> None:
        number = self._next
        keeper = CheckpointStore(self._context, number, 0)
        try:
            await self._chat(number, keeper)
        except providers.NoAnswer as none:
            await self._stop(number, limits.Stop(limits.StopReason(none.reason), str(none)), cause=none)
        self._turns.append(Turn(number, answer=keeper.step))

    @property
    def _next(self) -> int:
        return self._turns[-1].number + 1 if self._turns else 1

    async def _chat(self, number: int, keeper: CheckpointStore) -> None:
        await providers.chat(
            self._context,
            conversation.messages(
                self._payload,
                self._turns,
                worker_id=self._context.worker_id,
                instructions=self._instructions,
            ),
            models=self._payload.models,
            tools=self._toolbox.offered,
            response_schema=self._payload.answer_schema,
            max_tokens=self._payload.max_tokens,
            temperature=self._payload.temperature,
            seconds=self._payload.seconds_per_answer,
            key=checkpoints.key(number, 0),
            kept=partial(keeper.answer, tool_names=self._toolbox.tool_names),
        )

    async def _call(self, turn: Turn) -> None:
        """All calls at once. Each is stored as it ends, also when another one has to wait or fails."""
        made = [self._calls.make(turn.number, place, call) for place, call in turn.missing]
        ended = await asyncio.gather(*made, return_exceptions=True)
        for result in ended:
            if isinstance(result, Checkpoint):
                turn.results[result.call] = result
        _raise_worst([error for error in ended if isinstance(error, BaseException)])

    async def _stop_at_limit(self) -> None:
        spent_usd = await threads.run_in_thread(costs.of_task_since_stop, self._context.task_id)
        stop = limits.reached(
            self._payload.limits, self._turns, repairs=self._payload.repairs, spent_usd=spent_usd
        )
        if stop is not None:
            # Calls without an answer cost money, too: then there is no turn yet.
            await self._stop(self._turns[-1].number if self._turns else 1, stop)

    async def _stop(self, turn: int, stop: limits.Stop, *, cause: Exception | None = None) -> NoReturn:
        """Limits count from here on, when somebody retries it."""
        step = Checkpoint(
            turn=turn,
            call=-1,
            kind=TaskStep.Kind.STOP,
            content={"reason": stop.reason, "said": stop.said},
        )
        context = self._context
        await threads.run_in_thread(
            lambda: checkpoints.save(context.task_id, step, lease_token=context.lease_token)
        )
        raise PermanentFailure(f"agent stopped without an answer ({stop.reason}): {stop.said}") from cause

    async def _total_usd(self) -> Decimal:
        """What the task cost so far by the ledger: unpriced and unknown charges and corrections included."""
        return await threads.run_in_thread(costs.of_task, self._context.task_id)

    async def _result(self, answer: Any) -> AgentResult:
        answers = [turn.answer for turn in self._turns if turn.answer]
        return AgentResult(
            answer=answer,
            turns=len(answers),
            tool_calls=limits.calls(self._turns),
            repairs=sum(1 for turn in self._turns if turn.answer and not turn.wanted) - 1,
            cost_usd=format((await self._total_usd()).normalize(), "f"),
            models=sorted({str(step.content["model"]) for step in answers}),
        )


def _raise_worst(errors: Sequence[BaseException]) -> None:
    """What ends the attempt, if anything does: that the task was taken, before what failed, before a wait."""
    for kind in (asyncio.CancelledError, Stopped, Exception):
        for error in errors:
            if isinstance(error, kind) and not isinstance(error, Postponed):
                raise error
    for error in errors:
        raise error
