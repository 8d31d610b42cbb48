"""Redrives in tests: started by Ann, taken to a moment, looked at."""

from datetime import timedelta
from typing import Any

from governance.access.actors import Actor
from reliability import redrives
from reliability.dead_letters import filters
from reliability.models import Redrive, RedriveItem
from reliability.redrives import Chosen

ANN = Actor("ann", is_trusted=True)
BEN = Actor("ben", is_trusted=True)
ALL = filters.parse({"status": "pending"})


def start(chosen: Chosen, **terms: Any) -> Redrive:
    return redrives.start(chosen, actor=ANN, reason="the key was renewed", **terms)


def after(redrive: Redrive, seconds: float) -> None:
    """What the watchdog does this long after the redrive was asked for."""
    started = redrive.created_at if redrive.started_at is None else redrive.started_at
    redrives.advance(started + timedelta(seconds=seconds))
    redrive.refresh_from_db()


def items(redrive: Redrive, **columns: Any) -> list[RedriveItem]:
    return list(redrive.items.filter(**columns).order_by("position"))


def states(redrive: Redrive) -> list[str]:
    return [item.state for item in items(redrive)]
