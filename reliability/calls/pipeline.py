"""The call pipeline itself. Both forms share everything but the waiting for the call."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from django.db import connection

from reliability.calls import admission, settlement
from reliability.calls import threads as pool
from reliability.calls.context import CallContext
from reliability.calls.types import CallPermit, CallRequest, CallResult
from reliability.engine.context import TaskContext


async def governed_call(
    context: TaskContext, ask: CallRequest, send: Callable[[CallPermit], Awaitable[CallResult]]
) -> CallResult:
    """Make one call, if every gate lets it through; `send` makes it, or raises `CallFailed`.

    Raises `Denied` (no permission, a rejected approval), `Postponed` (paused, over a quota, a rate limit or
    a budget, refused by a breaker, not approved yet), `Stopped` (the task was taken from this worker), the
    `error` of a `CallFailed`, `TransientFailure` for a timeout or without a database, and whatever else
    `send` raises, as it is. All but the last end the attempt: let them through.
    """
    call = CallContext(context, ask)
    await _enter(call)
    permit = call.permit()
    clock = asyncio.timeout(call.seconds)
    try:
        async with clock:
            answer = await send(permit)
    except BaseException as error:  # whatever it was, the books tell of it
        permit.close()
        failure = await _failed(call, error, is_timeout=clock.expired() and isinstance(error, TimeoutError))
        if failure is error:
            raise
        raise failure from error
    permit.close()
    return await asyncio.shield(
        asyncio.wrap_future(pool.of_process().submit(settlement.answered, call, answer))
    )


def governed_call_sync(
    context: TaskContext, ask: CallRequest, send: Callable[[CallPermit], CallResult]
) -> CallResult:
    """As `governed_call`, in the caller's thread; `send` itself must end within its permit's seconds."""
    if connection.in_atomic_block:
        raise RuntimeError(
            "what the call pipeline writes must be committed before the call: leave the transaction"
        )
    call = CallContext(context, ask)
    admission.admit(call)
    permit = call.permit()
    try:
        answer = send(permit)
    except BaseException as error:  # whatever it was, the books tell of it
        permit.close()
        failure = settlement.failed(call, error)
        if failure is error:
            raise
        raise failure from error
    permit.close()
    return settlement.answered(call, answer)


async def _enter(call: CallContext) -> None:
    """Who is cancelled on the way does not go through: what was taken by then is given back."""
    threads = pool.of_process()
    entering = threads.submit(admission.admit, call)
    try:
        await asyncio.shield(asyncio.wrap_future(entering))
    except asyncio.CancelledError:
        threads.submit(_give_up, call, entering)  # it is taken up after `entering`, so it can wait for it
        raise


def _give_up(call: CallContext, entering: "Future[None]") -> None:
    if entering.exception() is None:
        admission.roll_back(call)


async def _failed(call: CallContext, error: BaseException, *, is_timeout: bool) -> BaseException:
    """The books of a task that is cancelled are written all the same, and nobody waits for them."""
    closing = pool.of_process().submit(settlement.failed, call, error, is_timeout=is_timeout)
    if isinstance(error, asyncio.CancelledError):
        return error
    return await asyncio.shield(asyncio.wrap_future(closing))
