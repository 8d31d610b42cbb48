"""After an absence, leases are left alone for the time of one lease."""

from datetime import UTC, datetime, timedelta

import pytest

from governance.models import Task
from governance.tasks import transitions
from governance.tasks.transitions import LEASE
from reliability.watchdog import lease_grace, sweep
from reliability.watchdog.lease_grace import GAP, LeaseGrace
from reliability.watchdog.loop import Watchdog
from tests.governance import lives

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def after_contacts(*times):
    mine = LeaseGrace()
    for time in times:
        mine.contact(time)
    return mine


def test_who_has_just_begun_knows_of_no_absence():
    assert not after_contacts(NOON).is_on(NOON)


def test_who_was_there_all_the_time_gives_no_respite():
    assert not after_contacts(NOON, NOON + GAP, NOON + 2 * GAP).is_on(NOON + 2 * GAP)


@pytest.mark.parametrize("absence", [GAP + SECOND, -SECOND], ids=["away", "clock set back"])
def test_after_an_absence_there_is_a_respite_for_one_lease(absence):
    back = NOON + absence
    mine = after_contacts(NOON, back)

    assert mine.is_on(back)
    mine.contact(back + LEASE - SECOND)
    assert mine.is_on(back + LEASE - SECOND)
    mine.contact(back + LEASE)
    assert not mine.is_on(back + LEASE)


@pytest.mark.django_db
@pytest.mark.usefixtures("leases_end_at_once")
def test_a_watchdog_that_was_cut_off_takes_no_lease_at_once(monkeypatch):
    task = lives.held()
    transitions.renew({task.id: task.token}, lease=-SECOND)
    watchdog = Watchdog(owner="me", duties={"rescued": sweep.rescue_crashed})
    now = lease_grace.database_time()
    watchdog.lease_grace.contact(now - 2 * GAP)

    watchdog.round()

    assert Task.objects.get().status == "in_progress"
    monkeypatch.setattr(lease_grace, "database_time", lambda: now + LEASE)
    watchdog.round()
    monkeypatch.setattr(lease_grace, "database_time", lambda: now + LEASE + SECOND)
    watchdog.round()
    assert Task.objects.get().status == "pending"
