"""Sending what waits in the outbox: each message is taken by one sender, and sent at most once.

Taking it is committed before it is sent. Who dies in between leaves it `sending`, and after a minute it is
`unknown`: nobody sends it again in this interval, for it may have arrived. What certainly did not arrive is
tried again, later each time, and all else that waits for the same target waits along.
"""

import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from governance.access import permissions
from governance.access.permissions import Decision
from governance.models import json_field
from monitoring.alerts.delivery import channels
from monitoring.alerts.delivery.channels import NotDeliveredError, OutcomeUnknownError, Target

logger = logging.getLogger(__name__)

TOOL = "notify.send"
MAX_TRIES = 10
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 5.0, 600.0
# Sending takes ten seconds at most.
LOST_AFTER = timedelta(seconds=60)
# How long a sender waits that may not send.
FORBIDDEN_SECONDS = 60.0

# What a dead sender left behind is due, too: to be given up.
_IS_DUE = """
SELECT EXISTS (SELECT FROM alert_messages WHERE state = 'waiting' AND next_try_at <= statement_timestamp()),
  EXISTS (SELECT FROM alert_messages WHERE state = 'sending'
          AND taken_at < statement_timestamp() - %(after)s)"""

_TAKE = """
UPDATE alert_messages SET state = 'sending', taken_at = statement_timestamp(), tries = tries + 1
WHERE id = (SELECT id FROM alert_messages WHERE state = 'waiting' AND next_try_at <= statement_timestamp()
            ORDER BY next_try_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, channel, target, content, tries"""

_END = """
UPDATE alert_messages SET state = %(state)s, error = %(error)s, ended_at = statement_timestamp()
WHERE id = %(id)s::uuid AND state = 'sending'"""

_AGAIN = """
UPDATE alert_messages SET state = 'waiting', error = %(error)s, taken_at = NULL,
  next_try_at = statement_timestamp() + %(wait)s
WHERE id = %(id)s::uuid AND state = 'sending'"""

_ALL_OF_TARGET_WAIT = """
UPDATE alert_messages SET next_try_at = greatest(next_try_at, statement_timestamp() + %(wait)s)
WHERE state = 'waiting' AND channel = %(channel)s AND target = %(target)s"""

_ALL_WAIT = """
UPDATE alert_messages SET next_try_at = greatest(next_try_at, %(until)s), error = %(error)s
WHERE state = 'waiting' AND next_try_at <= statement_timestamp()"""

_LOST = """
UPDATE alert_messages SET state = 'unknown', ended_at = statement_timestamp(),
  error = 'its sender did not come back: it may have arrived'
WHERE state = 'sending' AND taken_at < statement_timestamp() - %(after)s"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that this process alone may send now."""

    id: Any
    channel: str
    target: str
    content: dict[str, Any]
    tries: int


def deliver() -> int:
    """Send everything that is due, one after the other; how many arrived."""
    _run(_LOST, after=LOST_AFTER)
    arrived = 0
    while is_due():
        decision = permissions.check("WATCHDOG", TOOL)
        if not decision.is_allowed or decision.needs_approval:
            _wait_for_permission(decision)
            break
        taken = take()
        if taken is None:
            permissions.give_back(decision)
            break
        arrived += _send(taken)
    return arrived


def is_due() -> bool:
    """Whether there is anything to do for `deliver`."""
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"after": LOST_AFTER}
        cursor.execute(_IS_DUE, parameters)
        return any(cursor.fetchone())


def take() -> Taken | None:
    """Take the next message that is due, so that nobody else does."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE)
        row = cursor.fetchone()
    if row is None:
        return None
    message_id, channel, target, content, tries = row
    return Taken(message_id, channel, target, json_field.read(content), tries)


def _send(taken: Taken) -> bool:
    target = channels.find(taken.channel, taken.target)
    if target is None:
        _end(taken, "dropped", "its target is not in the settings any more")
        return False
    if not isinstance(taken.content.get("data"), dict):
        _end(taken, "failed", "its content was changed, and cannot be sent")
        return False
    try:
        channels.send(target, _content(taken))
    except NotDeliveredError as failed:
        _try_again(taken, target, str(failed))
        return False
    except OutcomeUnknownError as unknown:
        logger.error("alert message to %s: %s; it may have arrived", target.name, unknown)
        _end(taken, "unknown", str(unknown))
        return False
    _end(taken, "sent", "")
    return True


def _content(taken: Taken) -> dict[str, Any]:
    """With the message's own id, by which a receiver can tell that it has it already."""
    return {**taken.content, "data": {**taken.content["data"], "message_id": str(taken.id)}}


def _try_again(taken: Taken, target: Target, error: str) -> None:
    if taken.tries >= MAX_TRIES:
        logger.error("alert message to %s is given up: %s", target.name, error)
        _end(taken, "failed", error)
        return
    wait = backoff(taken.tries)
    logger.warning("alert message to %s was not taken: %s", target.name, error)
    _run(_AGAIN, id=str(taken.id), error=error[:4_000], wait=wait)
    _run(_ALL_OF_TARGET_WAIT, channel=taken.channel, target=taken.target, wait=wait)


def backoff(tries: int) -> timedelta:
    """How long to wait after so many tries: twice as long each time, with jitter."""
    longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** (tries - 1))
    return timedelta(seconds=random.uniform(longest / 2, longest))


def _wait_for_permission(decision: Decision) -> None:
    why = decision.rule if not decision.is_allowed else f"{decision.rule}, with an approval each time"
    logger.warning("messages about alerts wait: %s", why)
    until: datetime = decision.retry_at or timezone.now() + timedelta(seconds=FORBIDDEN_SECONDS)
    _run(_ALL_WAIT, until=until, error=f"waits: {why}")


def _end(taken: Taken, state: str, error: str) -> None:
    _run(_END, id=str(taken.id), state=state, error=error[:4_000])


def _run(statement: str, **parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
