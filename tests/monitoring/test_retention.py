"""Alerts that are over go when they are old; those that are not, or are muted, stay."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import retention
from governance.access import actors
from monitoring.models import Alert, AlertMessage, AlertRule

pytestmark = pytest.mark.django_db

# A year from now: ids hold the time of their making, and these are made today.
LATER = timezone.now() + timedelta(days=365)
OLD = LATER - timedelta(days=100)


def test_old_resolved_alerts_go_and_what_still_says_something_stays():
    rule = AlertRule.objects.create(name="test")
    over = {"rule": rule, "state": "resolved", "resolved_at": OLD}
    Alert.objects.create(subject="over", **over)
    Alert.objects.create(subject="young", **over | {"resolved_at": LATER})
    Alert.objects.create(subject="muted", **over, muted_until=LATER)
    Alert.objects.create(subject="open", rule=rule)
    told = Alert.objects.create(subject="told", **over)
    AlertMessage.objects.create(
        alert=told, kind="firing", channel="mail", target="x", told_at=OLD, content={}, state="sent"
    )

    for _ in retention.prune(actor=actors.from_command("ann"), only=["alerts"], now=LATER):
        pass

    assert set(Alert.objects.values_list("subject", flat=True)) == {"young", "muted", "open", "told"}
