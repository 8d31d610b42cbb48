"""What a fresh installation grants: the workers can do their work, the watchdog its duties."""

import pytest

from governance.access import permissions
from governance.models import AuditEntry, ToolPermission, Worker
from reliability.watchdog import sweep

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("duty", sweep.DUTIES)
def test_the_watchdog_may_do_every_duty_by_a_row_of_its_own(duty):
    decision = permissions.look("WATCHDOG", sweep.tool_name(duty))

    assert decision.is_allowed
    assert decision.permitted_name == sweep.tool_name(duty)


def test_every_worker_has_rows():
    granted = set(ToolPermission.objects.values_list("worker_id", flat=True))

    assert granted == set(Worker.objects.values_list("pk", flat=True))


def test_only_the_executor_may_touch_files_and_nobody_but_the_watchdog_does_its_duties():
    assert permissions.look("EXECUTOR", "files.write").is_allowed
    assert not permissions.look("STRATEGIST", "files.write").is_allowed
    assert not permissions.look("EXECUTOR", "watchdog.rescued").is_allowed


def test_an_installation_has_changed_nothing():
    assert not AuditEntry.objects.exists()
