"""Can this process serve requests? The database answers, can be written, and is migrated far enough.

Migrations of a later version do no harm: two versions may run side by side on one database.
"""

import time
from functools import cache

import psycopg2
from django.db.migrations.loader import MigrationLoader

from monitoring.health.probe import DidNotAnswerError, Probe
from monitoring.health.report import ANSWER_SECONDS, PROBE_SECONDS, describe, write
from monitoring.health.single_flight import SingleFlight

NAMED = 5

_APPLIED = """
SELECT app, name FROM django_migrations"""


def look() -> tuple[bool, str]:
    """Whether it can, and if not why, within a second."""
    asked = _readiness.ask()
    deadline = time.monotonic() + ANSWER_SECONDS
    try:
        why_not = asked.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        why_not = describe(DidNotAnswerError(ANSWER_SECONDS))
    return not why_not, why_not or "the database answers, and is migrated"


def _why_not() -> str:
    """Empty if it is ready."""
    try:
        with Probe(seconds=PROBE_SECONDS) as probe:
            applied = {(row["app"], row["name"]) for row in probe.rows(_APPLIED)}
            refused = write(probe) if needed() <= applied else None
    except (psycopg2.Error, DidNotAnswerError) as error:
        return describe(error)
    if refused is not None:
        return describe(refused)
    missing = sorted(f"{app}.{name}" for app, name in needed() - applied)
    named = ", ".join(missing[:NAMED]) + (f" and {len(missing) - NAMED} more" if len(missing) > NAMED else "")
    return f"not migrated: {named} (manage.py migrate)" if missing else ""


@cache
def needed() -> frozenset[tuple[str, str]]:
    """The migrations of this version: app and name."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(loader.disk_migrations or {})


_readiness = SingleFlight(_why_not)
