"""Transitions become rows: from each breaker's list in Redis, once, whoever delivers them.

A process that dies between the transition and its row loses nothing: the list waits for the next call of
anybody, or for the watchdog.
"""

import logging
from typing import Any

from django.db import connection, transaction

from reliability.breakers.redis_breaker import BreakerAnswer, RedisBreakers

logger = logging.getLogger(__name__)

# Redis's times become PostgreSQL's by their distance from now, for their clocks may differ.
_EVENT = """
INSERT INTO circuit_breaker_events
  (breaker, kind, from_state, to_state, cause, actor, generation, seq, created_at, retry_at)
VALUES (%(name)s, %(kind)s, %(from)s, %(to)s, %(cause)s, %(actor)s, %(generation)s, %(seq)s,
  now() - %(ago)s * interval '1 second', now() + %(left)s * interval '1 second')
ON CONFLICT (breaker, seq) DO NOTHING RETURNING id"""

# An older generation never overwrites a younger one, in whatever order processes deliver.
_LAST_STATE = """
UPDATE circuit_breakers
SET state = %(to)s, kind = %(open_kind)s, cause = %(cause)s, generation = %(generation)s,
    wait_seconds = %(wait)s, retry_at = now() + %(left)s * interval '1 second', updated_at = now(),
    opened_at = CASE WHEN %(to)s = 'open' AND generation < %(generation)s
                     THEN now() - %(ago)s * interval '1 second' ELSE opened_at END
WHERE name = %(name)s AND generation <= %(generation)s"""


def deliver(shared: RedisBreakers, name: str) -> int:
    """Write what waits in Redis for this breaker; how many events were new. Raises `RedisUnavailable`."""
    total = 0
    while True:
        now, events, raw = shared.events(name)
        if not events:
            return total
        new = [event for event in events if _write(name, now, event)]
        shared.forget_events(name, raw)
        for event in new:
            log(name, event["from"], event["to"], event["cause"])
        total += len(new)


def write_local(name: str, before: str, after: BreakerAnswer, actor: str) -> None:
    """A transition of a breaker of one process: a row, but not the last state that others begin from."""
    with connection.cursor() as cursor:
        cursor.execute(
            _EVENT,
            {
                "name": name,
                "kind": "transition",
                "from": before,
                "to": after.state,
                "cause": after.cause,
                "actor": actor,
                "generation": after.generation,
                "seq": None,
                "ago": 0,
                "left": after.left if after.state == "open" else None,
            },
        )


def log(name: str, before: str, after: str, cause: str, *, where: str = "") -> None:
    """One line; an open breaker is an error, for operators search the log for those."""
    level = logging.ERROR if after == "open" else logging.INFO
    place = f" {where}" if where else ""
    logger.log(level, "circuit breaker %s: %s -> %s%s (%s)", name, before, after, place, cause)


@transaction.atomic
def _write(name: str, now: int, event: dict[str, Any]) -> bool:
    ago = (now - int(event["at"])) / 1000
    is_waiting = event["to"] == "open" and event["retry_in"] >= 0
    row = {
        **event,
        "name": name,
        "actor": "",
        "ago": ago,
        "generation": int(event["generation"]),
        "seq": int(event["seq"]),
        "wait": event["wait"] / 1000,
        "left": event["retry_in"] / 1000 - ago if is_waiting else None,
    }
    with connection.cursor() as cursor:
        cursor.execute(_EVENT, row)
        if cursor.fetchone() is None:
            return False
        cursor.execute(_LAST_STATE, row)
    return True
