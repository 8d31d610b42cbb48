"""Circuit breakers for consoles and scripts. Who acts is whoever runs the process.

    python -c "from core.circuit_breaker import reset_all_circuit_breakers; reset_all_circuit_breakers()"

What is done here binds at the next call of every process on every machine. Refusals are those of
`governance.errors`: catch `GovernanceError`, or what you expect of it.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from governance.access import actors
from reliability.breakers import services, status
from reliability.breakers import settings as known_settings

Answer = TypeVar("Answer")

# One thread, so one connection. Not the event loop's own, which Django keeps away from the database.
_database = ThreadPoolExecutor(1, thread_name_prefix="core.circuit_breaker")


def reset_all_circuit_breakers() -> int:
    """Close every breaker of every process on every machine; how many were reset. A plain function."""
    return _database.submit(_fresh, services.reset_all, actor=actors.from_login()).result()


async def get_circuit_breaker_status() -> dict[str, dict[str, Any]]:
    """By name: state, failure count and rate, opened at, next probe at, settings: see `status.of_all`."""
    return await _call(status.of_all)


async def reset_circuit_breaker(name: str, reason: str = "") -> None:
    """Close this breaker alone. Raises `BreakerNotFound`, which lists the known ones."""
    await _call(services.reset, name, actor=actors.from_login(), reason=reason)


async def update_circuit_breaker_settings(name: str, *, reason: str = "", **settings: Any) -> dict[str, Any]:
    """Change settings, such as `failure_threshold` or `reset_timeout` (seconds); what it is set to now.

    Counters are kept. Raises `BreakerNotFound`, or `InvalidInput` with the reason for each impossible value.
    """
    row = await _call(services.update_settings, name, actor=actors.from_login(), reason=reason, **settings)
    return {setting: getattr(row, setting) for setting in known_settings.NAMES}


async def _call(verb: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
    return await sync_to_async(_fresh, thread_sensitive=False, executor=_database)(verb, *arguments, **named)


def _fresh(verb: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
    """A console may be open for days: what the connection is worth is looked at before each use."""
    close_old_connections()
    return verb(*arguments, **named)
