"""The door itself. Both forms share everything but the waiting for the call."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from django.db import connection

from reliability.door import books, opening, pool
from reliability.door.call import Call
from reliability.door.terms import Answered, Ask, Passage
from reliability.engine.context import TaskContext


async def governed_call(
    context: TaskContext, ask: Ask, send: Callable[[Passage], Awaitable[Answered]]
) -> Answered:
    """Make one call, if every gate lets it through; `send` makes it, or raises `CallFailed`.

    Raises `Denied` (no permission, a rejected approval), `Postponed` (paused, over a quota, a rate limit or
    a budget, refused by a breaker, not approved yet), `Stopped` (the task was taken from this worker), the
    `error` of a `CallFailed`, `TransientFailure` for a timeout or without a database, and whatever else
    `send` raises, as it is. All but the last end the attempt: let them through.
    """
    call = Call(context, ask)
    await _enter(call)
    passage = call.passage()
    clock = asyncio.timeout(call.seconds)
    try:
        async with clock:
            answer = await send(passage)
    except BaseException as error:  # whatever it was, the books tell of it
        passage.close()
        failure = await _failed(call, error, is_timeout=clock.expired() and isinstance(error, TimeoutError))
        if failure is error:
            raise
        raise failure from error
    passage.close()
    return await asyncio.shield(asyncio.wrap_future(pool.of_process().submit(books.answered, call, answer)))


def governed_call_sync(context: TaskContext, ask: Ask, send: Callable[[Passage], Answered]) -> Answered:
    """As `governed_call`, in the caller's thread; `send` itself must end within its passage's seconds."""
    if connection.in_atomic_block:
        raise RuntimeError("what the door writes must be committed before the call: leave the transaction")
    call = Call(context, ask)
    opening.enter(call)
    passage = call.passage()
    try:
        answer = send(passage)
    except BaseException as error:  # whatever it was, the books tell of it
        passage.close()
        failure = books.failed(call, error)
        if failure is error:
            raise
        raise failure from error
    passage.close()
    return books.answered(call, answer)


async def _enter(call: Call) -> None:
    """Who is cancelled on the way does not go through: what was taken by then is given back."""
    threads = pool.of_process()
    entering = threads.submit(opening.enter, call)
    try:
        await asyncio.shield(asyncio.wrap_future(entering))
    except asyncio.CancelledError:
        threads.submit(_give_up, call, entering)  # it is taken up after `entering`, so it can wait for it
        raise


def _give_up(call: Call, entering: "Future[None]") -> None:
    if entering.exception() is None:
        opening.undo(call)


async def _failed(call: Call, error: BaseException, *, is_timeout: bool) -> BaseException:
    """The books of a task that is cancelled are written all the same, and nobody waits for them."""
    closing = pool.of_process().submit(books.failed, call, error, is_timeout=is_timeout)
    if isinstance(error, asyncio.CancelledError):
        return error
    return await asyncio.shield(asyncio.wrap_future(closing))
