"""Filters by time go by the time, whatever the ids are."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from governance.db import uuid7
from governance.models import Task
from tests.governance import lives

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
ODD_IDS = [
    UUID("867ba255-08d4-4bf1-b587-f26726b27559"),
    UUID(int=1),
    UUID("ffffffff-ffff-4fff-bfff-ffffffffffff"),
]


def listed(admin, **query):
    return {task["id"] for task in admin.get("tasks", **query).json()["tasks"]}


def typed_in(task_id, *, ago):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_tasks (id, task_type, created_at) VALUES (%s, 'noop', now() - %s)",
            [str(task_id), ago],
        )


@pytest.mark.parametrize("task_id", ODD_IDS, ids=str)
def test_a_task_with_an_id_of_somebody_else_is_found_by_its_time(admin, task_id):
    now = timezone.now()
    made = str(lives.make().pk)
    typed_in(task_id, ago=2 * HOUR)

    assert listed(admin, created_after=(now - HOUR).isoformat()) == {made}
    assert listed(admin, created_after=(now - 3 * HOUR).isoformat()) == {made, str(task_id)}
    assert listed(admin, created_before=(now - HOUR).isoformat()) == {str(task_id)}


def test_a_task_whose_time_was_typed_in_is_found_by_it(admin):
    now = timezone.now()
    task_id = uuid7.lower_bound(now)
    typed_in(task_id, ago=timedelta(days=400))

    assert listed(admin, created_before=(now - timedelta(days=399)).isoformat()) == {str(task_id)}
    assert listed(admin, created_after=(now - HOUR).isoformat()) == set()


def test_the_console_s_filter_goes_by_the_time_too():
    typed_in(ODD_IDS[0], ago=timedelta(0))
    typed_in(UUID("ffffffff-ffff-7fff-bfff-ffffffffffff"), ago=timedelta(days=2))
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))

    found = browser.get("/admin/governance/task/", {"created": "24h"}).context["cl"].result_list

    assert [task.pk for task in found] == [ODD_IDS[0]]


def test_while_all_ids_say_when_they_were_made_the_primary_key_bounds_what_is_read():
    lives.make()
    now = timezone.now()

    condition = uuid7.created_within(Task, now - HOUR, now)

    assert "pk__gte" in str(condition)
    assert "pk__lte" in str(condition)
