"""Leadership by lease."""

from datetime import timedelta

import pytest
from django.db.models import F

from reliability.models import Leadership
from reliability.watchdog import leadership

pytestmark = pytest.mark.django_db
LEASE = timedelta(seconds=10)


def lead(owner: str) -> bool:
    return leadership.acquire("watchdog", owner=owner, lease=LEASE)


def let_it_expire() -> None:
    Leadership.objects.update(expires_at=F("since") - timedelta(hours=1))


def test_the_first_to_ask_leads_and_the_second_does_not():
    assert lead("a")
    assert not lead("b")


def test_the_leader_renews_and_keeps_its_since():
    lead("a")
    before = Leadership.objects.get()

    assert lead("a")

    after = Leadership.objects.get()
    assert after.since == before.since
    assert after.expires_at > before.expires_at


def test_an_expired_lease_goes_to_whoever_asks_first():
    lead("a")
    let_it_expire()

    assert lead("b")

    assert not lead("a")
    assert Leadership.objects.get().owner == "b"


def test_a_leader_that_is_late_but_was_not_replaced_goes_on():
    lead("a")
    let_it_expire()

    assert lead("a")


def test_who_resigns_is_replaced_at_once():
    lead("a")

    leadership.resign("watchdog", owner="a")

    assert lead("b")


def test_only_the_leader_can_resign():
    lead("a")

    leadership.resign("watchdog", owner="b")

    assert not lead("b")


def test_different_names_have_different_leaders():
    lead("a")

    assert leadership.acquire("reports", owner="b", lease=LEASE)
