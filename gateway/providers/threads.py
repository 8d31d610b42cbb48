"""Questions to the database from the event loop: in the threads of the call pipeline, never on the loop
itself."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from reliability.calls import threads as pool

P = ParamSpec("P")
T = TypeVar("T")


async def run_in_thread(question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The answer of a plain function that may ask the database."""
    return await asyncio.wrap_future(pool.of_process().submit(question, *args, **kwargs))
