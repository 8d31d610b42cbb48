"""Sessions that are over are removed; those that live, or ended a moment ago, stay."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from governance import retention
from governance.access import actors
from governance.models import RetentionWalk
from juggernaut.security import session_retention

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def session(key, *, expires):
    Session.objects.create(session_key=key, session_data="x", expire_date=NOW + expires)


def test_sessions_that_expired_long_ago_go():
    session("lives", expires=timedelta(hours=1))
    session("over", expires=-timedelta(days=2))
    session("just-over", expires=-timedelta(hours=2))

    steps = list(retention.prune(actor=actors.from_command("ann"), only=[session_retention.RULE], now=NOW))

    assert sum(step.deleted["django_session"] for step in steps) == 1
    assert set(Session.objects.values_list("session_key", flat=True)) == {"lives", "just-over"}


def test_the_watchdogs_walk_goes_on_and_notes_no_session_key(monkeypatch):
    for number in range(session_retention.WALK.window + 1):
        session(f"over-{number}", expires=-timedelta(days=2, microseconds=number))

    retention.run_slice(now=NOW, seconds=0)
    while Session.objects.exists():
        retention.run_slice(now=NOW, seconds=5)

    row = RetentionWalk.objects.get(pk=session_retention.RULE)
    assert "over-" not in row.position
