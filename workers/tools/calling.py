"""The one way to call a tool: arguments checked, through the call pipeline, answer bounded."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import orjson
from django.db import connections

from governance.db import strict_json
from reliability.breakers.outcomes import FAILURE, NOT_COUNTED
from reliability.calls import governed_call, governed_call_sync, threads
from reliability.calls.types import CallFailed, CallPermit, CallRequest, CallResult, Money
from reliability.engine.context import TaskContext
from reliability.failures import PermanentFailure, TransientFailure
from workers.tools.registry import Target, Tool, get

Kept = Callable[[CallResult | CallFailed, CallPermit], None]

# What a tool may answer, as JSON: a task's result holds one answer and some words around it.
MAX_ANSWER_BYTES = 192 * 1024
# Plain tools on the event loop run here, so few at a time, whatever a hundred agents ask for: each thread has
# a connection to PostgreSQL for the length of a call. A tool that takes long is to be `async`.
THREADS = 2
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tool")


async def call(
    context: TaskContext, name: str, arguments: object, *, key: str = "", kept: Kept | None = None
) -> Any:
    """Call the tool `name` for the task of `context` and return its answer (JSON). `key` and `kept` are
    those of an `CallRequest`.

    Raises `UnknownTool`, `InvalidArguments` (nothing was sent), and what the call pipeline raises: `Denied`,
    `Postponed`, `Stopped`, `PermanentFailure`, `TransientFailure`; each names the tool.
    """
    tool = get(name)
    asked = tool.parse(arguments)
    ask = replace(_ask(tool, asked, await _aim(tool, asked)), key=key, kept=kept)

    async def send(permit: CallPermit) -> CallResult:
        permit.use()
        with _Told(tool, ask.service):
            if tool.is_async:
                return _answered(tool, await tool.run(asked, permit))
            return _answered(tool, await _in_thread(tool.run, asked, permit))

    return (await governed_call(context, ask, send)).value


def call_sync(context: TaskContext, name: str, arguments: object) -> Any:
    """`call` for plain task types, which run in threads."""
    tool = get(name)
    asked = tool.parse(arguments)
    ask = _ask(tool, asked, tool.target(asked) if tool.target else Target())

    def send(permit: CallPermit) -> CallResult:
        permit.use()
        with _Told(tool, ask.service):
            if tool.is_async:
                return _answered(tool, asyncio.run(_timely(tool, asked, permit)))
            return _answered(tool, tool.run(asked, permit))

    return governed_call_sync(context, ask, send).value


def _ask(tool: Tool, asked: Any, target: Target) -> CallRequest:
    return CallRequest(
        tool_name=tool.name,
        arguments=asked.model_dump(mode="json"),
        seconds=tool.seconds,
        service=target.service,
        breakers=target.breakers,
    )


async def _aim(tool: Tool, asked: Any) -> Target:
    """It may ask the database, and must not wait for the plain tools."""
    return await threads.run_in_thread(tool.target, asked) if tool.target else Target()


async def _timely(tool: Tool, asked: Any, permit: CallPermit) -> Any:
    try:
        async with asyncio.timeout(permit.seconds):
            return await tool.run(asked, permit)
    except TimeoutError:
        raise TransientFailure(f"{tool.name}: no answer within {permit.seconds:g} s") from None


async def _in_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    def run() -> Any:
        try:
            return work(*arguments)
        finally:
            connections.close_all()  # most calls need none, and idle ones are missed elsewhere

    return await asyncio.get_running_loop().run_in_executor(_threads, run)


def _answered(tool: Tool, answer: Any) -> CallResult:
    """The tool's answer, if it is JSON that can be kept; a tool that knows a price answers `CallResult`."""
    answered = answer if isinstance(answer, CallResult) else CallResult(value=answer)
    try:
        size = len(orjson.dumps(answered.value))
    except TypeError as wrong:
        raise PermanentFailure(f"{tool.name}: its answer is not JSON: {wrong}") from wrong
    if size > MAX_ANSWER_BYTES:
        raise PermanentFailure(
            f"{tool.name}: its answer has {size} bytes; at most {MAX_ANSWER_BYTES} are taken"
        )
    if flaw := strict_json.find_error(answered.value) if isinstance(answered.value, dict | list) else None:
        raise PermanentFailure(f"{tool.name}: its answer cannot be kept: {flaw}")
    return answered


class _Told:
    """Failures that a tool raised leave as the call pipeline wants them told, with the tool's name.

    A permanent failure says nothing about the service's health; a transient one counts against it.
    """

    def __init__(self, tool: Tool, service: str) -> None:
        self._tool, self._service = tool, service

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, PermanentFailure | TransientFailure):
            return
        error.tool_name = error.tool_name or self._tool.name
        error.service = error.service or self._service
        is_final = isinstance(error, PermanentFailure)
        raise CallFailed(
            str(error),
            error=error,
            outcome=NOT_COUNTED if is_final else FAILURE,
            money=Money.RELEASED if is_final else Money.UNKNOWN,
        ) from error
