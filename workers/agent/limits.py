"""Where an agent is stopped, and for which reason. Pure: it is told the turns, and looks at no clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import orjson

from gateway.providers.answer import arguments_of, explain
from governance.tasks.checkpoints import Checkpoint
from workers.agent.conversation import ToolCallRequest, Turn
from workers.agent.payload import Limits


class StopReason(StrEnum):
    """Why an agent ended without an answer: a limit, or a model that would give none to the same question."""

    TURNS = "turns"
    TOOL_CALLS = "tool_calls"
    MONEY = "money"
    TIME = "time"
    IDENTICAL_CALLS = "identical_calls"
    NO_PROGRESS = "no_progress"
    REPAIRS = "repairs"
    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"
    CONTEXT_OVERFLOW = "context_overflow"
    MAX_TOKENS = "max_tokens"


@dataclass(frozen=True, slots=True)
class Stop:
    """`said` is for the operator: what was reached, and how much of it was allowed."""

    reason: StopReason
    said: str


def calls(done: Sequence[Turn]) -> int:
    """How many calls of tools the model asked for."""
    return sum(len(turn.wanted) for turn in done)


def since_stop(done: Sequence[Turn]) -> list[Turn]:
    """The turns since the last stop: whoever retries a stopped agent gives it its limits anew."""
    stopped = [index for index, turn in enumerate(done) if turn.stop]
    return list(done[stopped[-1] + 1 :] if stopped else done)


def reached(limits: Limits, done: Sequence[Turn], *, repairs: int, spent_usd: Decimal) -> Stop | None:
    """The limit that these turns have reached, if any; `repairs` is how many answers may be sent back,
    `spent_usd` what the ledger says of the task's calls since its last stop."""
    turns = since_stop(done)
    if turns and (reason := turns[-1].unanswered):
        return Stop(StopReason(reason), explain(reason, refusal=turns[-1].refusal))
    return next(_checks(limits, turns, repairs, spent_usd), None)


def _checks(limits: Limits, turns: Sequence[Turn], repairs: int, spent: Decimal) -> Iterator[Stop]:
    if (sent_back := sum(1 for turn in turns if turn.answer and not turn.wanted)) > repairs:
        yield Stop(StopReason.REPAIRS, f"{sent_back} answers did not fit, {repairs} may be repaired")
    if len(turns) >= limits.turns:
        yield Stop(StopReason.TURNS, f"{len(turns)} turns of {limits.turns}")
    if (asked := calls(turns)) > limits.tool_calls:
        yield Stop(StopReason.TOOL_CALLS, f"{asked} calls of tools, {limits.tool_calls} are allowed")
    if limits.cost_usd is not None and spent >= limits.cost_usd:
        yield Stop(StopReason.MONEY, f"{spent.normalize():f} USD of {limits.cost_usd.normalize():f}")
    took = sum(step.seconds for step in _steps(turns))
    if limits.seconds is not None and took >= limits.seconds:
        yield Stop(StopReason.TIME, f"{took:.0f} s of {limits.seconds}")
    if (same := _identical(turns)) >= limits.identical_calls:
        yield Stop(StopReason.IDENTICAL_CALLS, f"{same} times the same call in a row")
    if (idle := _idle(turns)) >= limits.idle_turns:
        yield Stop(StopReason.NO_PROGRESS, f"{idle} turns in a row brought nothing new")


def _steps(turns: Sequence[Turn]) -> Iterator[Checkpoint]:
    for turn in turns:
        if turn.answer:
            yield turn.answer
        yield from turn.results.values()


def _identical(turns: Sequence[Turn]) -> int:
    """How often the last call stands at the end of all calls, one after the other. A call of no tool is none:
    several of them in one bad turn are one mistake."""
    made = [_same(call) for turn in turns for call in turn.wanted if call.name]
    count = 0
    while count < len(made) and made[-1 - count] == made[-1]:
        count += 1
    return count


def _same(call: ToolCallRequest) -> tuple[str, str]:
    """Calls are the same whatever the order and spacing of their arguments."""
    try:
        arguments = orjson.dumps(arguments_of(call.arguments), option=orjson.OPT_SORT_KEYS).decode()
    except ValueError:
        arguments = call.arguments
    return call.tool or call.name, arguments


def _idle(turns: Sequence[Turn]) -> int:
    """How many turns at the end asked for calls that all failed, or brought what the same call had before."""
    known: set[tuple[object, bytes]] = set()
    idle = 0
    for turn in turns:
        found = {
            (_same(call), orjson.dumps(turn.results[place].content, option=orjson.OPT_SORT_KEYS))
            for place, call in enumerate(turn.wanted, 1)
            if place in turn.results
        }
        errors = all("error" in step.content for step in turn.results.values())
        is_idle = bool(found) and (errors or found <= known)
        known |= found
        idle = idle + 1 if is_idle else 0
    return idle
