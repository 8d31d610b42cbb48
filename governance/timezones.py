"""Names of time zones: those that Python and PostgreSQL both know, on every machine the same."""

from zoneinfo import ZoneInfo

from django.db import DataError, connection, transaction

# Files that systems keep beside the zones: what they mean differs from machine to machine.
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})


def checked(name: str) -> str:
    """The name of a zone, as it was given. Raises `ValueError`, in words, for what is none."""
    if not (_is_known_to_python(name) and _is_known_to_postgres(name)):
        raise ValueError("a time zone is expected, such as Europe/Berlin")
    return name


def _is_known_to_python(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return name not in _NO_ZONES


def _is_known_to_postgres(name: str) -> bool:
    """Whether constraints and windows, which PostgreSQL computes, can go by it: it has zones of its own."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT timestamptz 'epoch' AT TIME ZONE %s", [name])
    except DataError:
        return False
    return True
