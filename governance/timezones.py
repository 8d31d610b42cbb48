"""Names of time zones: those that Python and PostgreSQL both know, on every machine the same."""

from zoneinfo import ZoneInfo

from django.db import DataError, connection, transaction

# Files that systems keep beside the zones: what they mean differs from machine to machine.
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})


_EXPECTED = "a time zone is expected, such as Europe/Berlin"


def checked(name: str) -> str:
    """The name of a zone, as it was given. Raises `ValueError`, in words, for what is none."""
    read(name)
    if name in _NO_ZONES or not _is_known_to_postgres(name):
        raise ValueError(_EXPECTED)
    return name


def read(name: str) -> ZoneInfo:
    """The zone as Python knows it. Raises `ValueError`; rows that were typed in SQL may name what PostgreSQL
    alone understands, such as `UTC+3`."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(_EXPECTED) from None


def _is_known_to_postgres(name: str) -> bool:
    """Whether constraints and windows, which PostgreSQL computes, can go by it: it has zones of its own."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT timestamptz 'epoch' AT TIME ZONE %s", [name])
    except DataError:
        return False
    return True
