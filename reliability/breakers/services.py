"""What operators do to breakers. The database writes each change to `circuit_breaker_events`, with who and
why, in the transaction of the change; on commit it goes to Redis, so that it binds at everybody's next call.
While Redis is away every process takes it from PostgreSQL within a second."""

import logging
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.db import OperationalError, transaction
from django.utils import timezone

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.db import locks
from governance.errors import FieldError, InvalidInput
from governance.tasks.schemas import require_text
from reliability.bounded_redis import RedisUnavailable
from reliability.breakers import client as gate
from reliability.breakers import event_log, settings
from reliability.breakers.models import CircuitBreaker, Mode, State
from reliability.breakers.redis_breaker import RedisBreakers
from reliability.errors import BreakerNotFound

logger = logging.getLogger(__name__)

PERMISSION = "reliability.change_circuitbreaker"
# How long the watchdog waits for the row of one breaker.
LOCK_SECONDS = 0.1
_WATCHDOG = Actor("WATCHDOG", is_trusted=True)
_CLOSED = {"state": State.CLOSED, "kind": "", "cause": "", "wait_seconds": 0, "retry_at": None}


def reset(name: str, *, actor: Actor, reason: str = "") -> None:
    """Close it and forget what it counted, in every process. Raises `BreakerNotFound`."""
    with _acting(actor, "reset", reason):
        _reset([_locked(name)])


def reset_all(*, actor: Actor, reason: str = "") -> int:
    """Close every breaker; how many there are."""
    with _acting(actor, "reset", reason):
        rows = list(CircuitBreaker.objects.select_for_update().order_by("name"))
        _reset(rows)
    return len(rows)


def reset_many(names: Iterable[str], *, actor: Actor, reason: str = "") -> int:
    """Close these breakers, all or none; how many. Raises `BreakerNotFound`."""
    with _acting(actor, "reset", reason):
        rows = [_locked(name) for name in sorted(set(names))]
        _reset(rows)
    return len(rows)


def update_settings(name: str, *, actor: Actor, reason: str = "", **said: Any) -> CircuitBreaker:
    """Change `settings.Changes`, counters are kept. Raises `BreakerNotFound`, `InvalidInput`."""
    with _acting(actor, "update_settings", reason):
        row = _locked(name)
        changes = settings.parse(said)
        for setting, value in changes.items():
            setattr(row, setting, value)
        settings.refuse_contradiction(row)
        return _saved(row, changes)


def force_open(name: str, *, actor: Actor, reason: str, until: datetime | None = None) -> CircuitBreaker:
    """Refuse every call until then, or until somebody restores it."""
    return _set_mode("force_open", name, Mode.FORCED_OPEN, actor, reason, until)


def disable_until(name: str, until: datetime, *, actor: Actor, reason: str) -> CircuitBreaker:
    """Admit every call until then, whatever the service answers."""
    return _set_mode("disable_until", name, Mode.DISABLED, actor, reason, until)


def shadow(name: str, *, actor: Actor, reason: str, until: datetime | None = None) -> CircuitBreaker:
    """Decide and record, but refuse nothing: to try settings out."""
    return _set_mode("shadow", name, Mode.SHADOW, actor, reason, until)


def restore(name: str, *, actor: Actor, reason: str) -> CircuitBreaker:
    """Let the breaker decide again."""
    return _set_mode("restore", name, Mode.NORMAL, actor, reason, None)


def end_modes() -> int:
    """Modes whose end has come are over in the rows too (Redis ended them by itself); how many."""
    over = CircuitBreaker.objects.exclude(mode=Mode.NORMAL).filter(mode_until__lte=timezone.now())
    with audit.acting(_WATCHDOG, verb="end_mode", reason="its end has come"):
        names = list(over.select_for_update(skip_locked=True).values_list("name", flat=True))
        ended: int = over.filter(name__in=names).update(
            mode=Mode.NORMAL, mode_until=None, mode_by="", mode_reason=""
        )
        transaction.on_commit(lambda: _bring(names))
    return ended


def maintain(now: datetime) -> int:
    """The watchdog's duty: modes that are over, and transitions that nobody has delivered."""
    return end_modes() + _deliver(CircuitBreaker.objects.values_list("name", flat=True))


def _set_mode(
    verb: str, name: str, mode: Mode, actor: Actor, reason: str, until: datetime | None
) -> CircuitBreaker:
    require_text("reason", reason)
    if until and until <= timezone.now():
        raise InvalidInput([FieldError("until", "a time to come is expected")])
    with _acting(actor, verb, reason):
        row = _locked(name)
        row.mode, row.mode_until = mode, until
        row.mode_by, row.mode_reason = ("", "") if mode == Mode.NORMAL else (actor.name, reason)
        return _saved(row, ["mode", "mode_until", "mode_by", "mode_reason"])


def _reset(rows: list[CircuitBreaker]) -> None:
    for row in rows:
        row.reset_version += 1
        for field, value in _CLOSED.items():
            setattr(row, field, value)
        _saved(row, ["reset_version", *_CLOSED])


def _saved(row: CircuitBreaker, fields: Iterable[str]) -> CircuitBreaker:
    row.save(update_fields=list(fields))
    transaction.on_commit(lambda: _bring([row.name]))
    return row


def _locked(name: str) -> CircuitBreaker:
    row = CircuitBreaker.objects.select_for_update().filter(pk=name).first()
    if row is None:
        raise BreakerNotFound(name, list(CircuitBreaker.objects.values_list("name", flat=True)))
    return row


def _acting(actor: Actor, verb: str, reason: str) -> AbstractContextManager[None]:
    """A transaction; the triggers that write the history and the audit log take who acts and why from it."""
    actor.require(PERMISSION)
    return audit.acting(actor, verb=verb, reason=reason)


def _bring(names: Iterable[str]) -> None:
    """The rows as they are now go to Redis, and what that moved becomes rows."""
    shared = gate.of_process().shared
    for name, snapshot in settings.load(names).items():
        try:
            if shared.configure(snapshot).pending_events:
                event_log.deliver(shared, name)
        except RedisUnavailable:
            return  # said in the log; every process brings it when it can


def _deliver(names: Iterable[str]) -> int:
    shared = gate.of_process().shared
    try:
        return sum(_deliver_one(shared, name) for name in names)
    except RedisUnavailable:
        return 0


def _deliver_one(shared: RedisBreakers, name: str) -> int:
    """A breaker whose row somebody has locked keeps its transitions in Redis until the next time."""
    try:
        with locks.wait_at_most(LOCK_SECONDS):
            return event_log.deliver(shared, name)
    except OperationalError as error:
        if not locks.is_timeout(error):
            raise
    logger.warning("the row of circuit breaker %s is locked by somebody: it is written later", name)
    return 0
