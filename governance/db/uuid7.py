"""Ids as a clock: they are version 7 UUIDs, whose first 48 bits are the milliseconds since 1970."""

from datetime import datetime
from uuid import UUID


def lower_bound(moment: datetime) -> UUID:
    """The lowest id that a row made at this moment can have."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
