"""When a recurring task is due. Pure: from its terms and a moment to the times before and after it.

Cron by `cronsim`, which treats daylight saving as Debian's cron does: where clocks are put forward, what
falls into the missing hour is due right after it; where they are put back, a fixed time is due once, and
what is due every hour or minute goes on.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Protocol

from cronsim import CronSim, CronSimError

from governance import timezones

FIELDS = 5
# Names that crontab(5) has for common times.
_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
# How far back the newest times are looked for, at first; doubled until there are enough.
_LOOK_BACK = timedelta(hours=1)


class NeverDue(ValueError):
    """The terms name no time that will come. The text says what is wrong with them."""


class CronSchedule(Protocol):
    """The part of a recurring task that says when it is due."""

    kind: str
    cron: str
    every_seconds: int | None
    timezone: str
    anchor_at: datetime


def after(clock: CronSchedule, moment: datetime) -> Iterator[datetime]:
    """The times after this moment, in UTC, in their order, for ever. Raises `NeverDue`."""
    return _cron(clock, moment) if clock.kind == "cron" else _interval(clock, moment)


def next_after(clock: CronSchedule, moment: datetime) -> datetime:
    """The first time after this moment, in UTC. Raises `NeverDue`."""
    for found in after(clock, moment):
        return found
    raise NeverDue(f"{clock.cron!r} names no day of the next 50 years")


def newest(clock: CronSchedule, *, since: datetime, until: datetime, most: int) -> list[datetime]:
    """The newest `most` times from `since` to `until`, both included, oldest first. Raises `NeverDue`."""
    span = _LOOK_BACK
    while True:
        start = max(since, until - span)
        found = list(takewhile(lambda at: at <= until, after(clock, start - timedelta(microseconds=1))))
        if len(found) >= most or start == since:
            return found[-most:]
        span *= 2


def count(clock: CronSchedule, *, since: datetime, before: datetime, most: int) -> int:
    """How many times there are from `since` until before the other moment; counts no further than `most`."""
    times = after(clock, since - timedelta(microseconds=1))
    return sum(1 for _ in islice(takewhile(lambda at: at < before, times), most))


def _interval(clock: CronSchedule, moment: datetime) -> Iterator[datetime]:
    every = timedelta(seconds=clock.every_seconds or 0)
    if every <= timedelta(0):
        raise NeverDue("an interval of no length")
    number = max(0, (moment - clock.anchor_at) // every + 1)
    while True:
        yield clock.anchor_at + number * every
        number += 1


def _cron(clock: CronSchedule, moment: datetime) -> Iterator[datetime]:
    cron = clock.cron.strip().lower()
    if cron.startswith("@") and cron not in _NAMED:
        raise NeverDue(f"five fields or one of {', '.join(_NAMED)} are expected (got {clock.cron!r})")
    fields = _NAMED.get(cron, clock.cron).split()
    if len(fields) != FIELDS:
        raise NeverDue(f"five fields are expected: minute, hour, day, month, weekday (got {len(fields)})")
    try:
        zone = timezones.read(clock.timezone)
    except ValueError as unknown:
        raise NeverDue(f"{unknown} (got {clock.timezone!r})") from None
    try:
        times = CronSim(" ".join(fields), moment.astimezone(zone))
    except CronSimError as bad:
        raise NeverDue(f"{str(bad)[:1].lower()}{str(bad)[1:]} in {clock.cron!r}") from None
    # A moment within a minute belongs to that minute, whose beginning lies before it.
    return (found for found in (at.astimezone(UTC) for at in times) if found > moment)
