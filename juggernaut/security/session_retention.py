"""Retention of Django's sessions: expired ones are deleted.

The walk goes by the time of expiry, never by the session's key: its position is kept in a row, and whoever
knows the key of a session has that session.
"""

from governance.retention import BatchedScan, plain

RULE = "ended sessions"

WALK = BatchedScan(
    RULE,
    "django_session",
    (RULE,),
    plain(
        "django_session",
        "r.expire_date < %(before)s",
        rule=RULE,
        key="expire_date",
        key_type="timestamptz",
    ),
    key="expire_date",
    key_type="timestamptz",
    has_time=False,
)
