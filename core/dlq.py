"""Dead letters for consoles and scripts, as coroutines. Who acts is whoever runs the process.

    python -c "from core.dlq import move_to_dlq; import asyncio; asyncio.run(move_to_dlq('…', 'why'))"

Refusals are those of `governance.errors`: catch `GovernanceError`, or what you expect of it. One that
nobody catches prints one line and ends `python -c` with status 1. Ids are text or `UUID`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from core.items import Item, Items
from governance.access import actors
from governance.errors import DeadLetterNotFound, TaskNotFound
from reliability.dead_letters import filters, selectors
from reliability.dead_letters import services as dead_letters

Answer = TypeVar("Answer")

# One thread, so one connection. Not the event loop's own, which Django keeps away from the database.
_database = ThreadPoolExecutor(1, thread_name_prefix="core.dlq")


async def move_to_dlq(task_id: str | UUID, reason: str) -> str:
    """Fail a live task with a dead letter, whose id is returned. A worker that runs it is stopped.

    Raises `TaskNotFound`, `TransitionConflict` (it has ended already) or `InvalidInput` (no reason).
    """
    named = _parsed(task_id, TaskNotFound)
    return str(await _call(dead_letters.move_one, named, actor=actors.from_login(), reason=reason))


async def retry_dlq_item(dlq_id: str | UUID, reason: str = "") -> bool:
    """Give a dead letter's task fresh attempts, once: true if this call did it, false if somebody had.

    Raises `DeadLetterNotFound`, or `DeadLetterConflict` if a person closed the letter.
    """
    named = _parsed(dlq_id, DeadLetterNotFound)
    return await _call(dead_letters.retry_once, named, actor=actors.from_login(), reason=reason)


async def get_dlq_items(status: str | None = None, **named: Any) -> Sequence[Item]:
    """All dead letters in this state (pending, retrying, resolved; none: in any), oldest first, as dicts.

    However many there are, at a bounded memory: see `core.items.Items`. Other filters go by the names
    that `GET /api/dlq` has, e.g. `matching="connection reset"`. Raises `InvalidFilter`.
    """
    said = named if status is None else {"status": status, **named}
    ids = await _call(selectors.letter_ids, filters.parse(said), actor=actors.from_login())
    return Items(ids, _load)


async def resolve_dlq_item(dlq_id: str | UUID, note: str) -> None:
    """Close a dead letter; the note, who and when are kept, and its task stays as it is.

    Raises `DeadLetterNotFound`, `DeadLetterConflict` (it is closed already) or `InvalidInput` (no note).
    """
    named = _parsed(dlq_id, DeadLetterNotFound)
    await _call(dead_letters.one, dead_letters.resolve, named, actor=actors.from_login(), note=note)


async def _call(verb: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
    return await sync_to_async(_fresh, thread_sensitive=False, executor=_database)(verb, *arguments, **named)


def _fresh(verb: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
    """A console may be open for days: what the connection is worth is looked at before each use."""
    close_old_connections()
    return verb(*arguments, **named)


def _load(ids: list[UUID]) -> list[Item]:
    rows = _database.submit(_fresh, selectors.letters_by_id, ids, actor=actors.from_login()).result()
    return [
        {name: str(value) if isinstance(value, UUID) else value for name, value in row.items()}
        for row in rows
    ]


def _parsed(text: str | UUID, unknown: type[TaskNotFound | DeadLetterNotFound]) -> UUID:
    """The id; what is none names nothing."""
    try:
        return UUID(str(text))
    except ValueError:
        raise unknown(f"{text!s:.100}") from None
