"""Recurring tasks in the console: adding, changing, pausing, removing, and what it shows."""

import json

import pytest
from django.contrib.messages import get_messages

from governance.models import AuditEntry, RecurringTask
from governance.schedules import dispatch
from tests.governance.console import person
from tests.governance.recurring import TASK, due_since, make

pytestmark = pytest.mark.django_db
PAGES = "/admin/governance/recurringtask/"
RULES = (
    "add_task",
    "view_recurringtask",
    "add_recurringtask",
    "change_recurringtask",
    "delete_recurringtask",
)
FILLED_IN = {
    "name": "nightly", "cron": "0 3 * * *", "every_seconds": "", "timezone": "Europe/Berlin",
    "task": json.dumps(TASK), "overlap": "forbid", "missed": "once", "max_catch_up": "10",
    "reason": "asked for",
}  # fmt: skip


@pytest.fixture
def operator(client):
    client.force_login(person(*RULES, "view_task"))
    return client


def test_one_is_added_by_the_service(operator):
    answer = operator.post(f"{PAGES}add/", FILLED_IN)

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row = RecurringTask.objects.get(name="nightly")
    assert row.next_run_at is not None
    entry = AuditEntry.objects.get(action="recurring.create")
    assert entry.reason == "asked for"


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"cron": "61 3 * * *"}, "cron", "bad minute"),
        ({"task": '{"task_type": "nope"}'}, "task", "task_type: unknown task type"),
        ({"task": "{"}, "task", "Enter a valid JSON"),
        ({"cron": ""}, None, "either cron or every_seconds"),
        ({"timezone": "Mars"}, "timezone", "a time zone is expected"),
    ],
    ids=["cron", "task", "json", "none", "timezone"],
)
def test_what_is_wrong_is_told_beside_its_field(operator, wrong, field, said):
    answer = operator.post(f"{PAGES}add/", FILLED_IN | wrong)

    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert said in str(errors[field or "__all__"])
    assert not RecurringTask.objects.exists()


def test_the_form_begins_with_the_defaults(operator):
    form = operator.get(f"{PAGES}add/").context["adminform"].form

    assert [form[name].value() for name in ("timezone", "overlap", "missed", "max_catch_up")] == [
        "UTC", "forbid", "once", 10,
    ]  # fmt: skip
    assert "run once for all" in str(form["missed"])
    assert "task_type" in str(form["task"])


def test_a_name_that_is_taken_is_told(operator):
    make(name="nightly")

    answer = operator.post(f"{PAGES}add/", FILLED_IN)

    assert "name" in answer.context["adminform"].form.errors


def test_one_is_changed_by_the_service(operator):
    row = make(name="nightly")

    answer = operator.post(f"{PAGES}{row.pk}/change/", FILLED_IN | {"missed": "all", "reason": "later"})

    assert answer.status_code == 302, answer.context["adminform"].form.errors
    row.refresh_from_db()
    assert (row.kind, row.cron, row.every_seconds, row.missed) == ("cron", "0 3 * * *", None, "all")
    assert AuditEntry.objects.get(action="recurring.change").reason == "later"


def test_the_page_shows_its_next_times_and_its_history(operator):
    row = make(name="nightly")
    dispatch.dispatch(row.pk, now=due_since(row, 0))

    page = operator.get(f"{PAGES}{row.pk}/change/").content.decode()

    assert "Next times" in page
    assert "Run history" in page
    assert "submitted" in page


def test_the_list_shows_when_and_what_came_last(operator):
    row = make(name="nightly")
    dispatch.dispatch(row.pk, now=due_since(row, 0))

    page = operator.get(PAGES).content.decode()

    assert "nightly" in page
    assert "every 60 s" in page
    assert "submitted" in page


def test_pausing_asks_first(operator):
    row = make()

    asked = operator.get(f"{PAGES}{row.pk}/pause/", follow=True)
    row.refresh_from_db()
    assert (asked.status_code, row.status) == (200, "active")
    done = operator.post(f"{PAGES}{row.pk}/pause/", {"confirmed": "1", "reason": "holidays"})

    row.refresh_from_db()
    assert row.status == "paused"
    assert "Paused 1 recurring task." in [str(message) for message in get_messages(done.wsgi_request)]


def test_many_are_paused_and_resumed_at_once(operator):
    ids = [str(make(name=name).pk) for name in ("one", "two")]
    chosen = {"_selected_action": ids, "confirmed": "1", "reason": ""}

    operator.post(PAGES, {"action": "pause_chosen", **chosen})
    assert set(RecurringTask.objects.values_list("status", flat=True)) == {"paused"}
    operator.post(PAGES, {"action": "resume_chosen", **chosen})
    assert set(RecurringTask.objects.values_list("status", flat=True)) == {"active"}


def test_one_is_removed_by_the_service(operator):
    row = make()

    operator.post(f"{PAGES}{row.pk}/delete/", {"post": "yes"})

    assert not RecurringTask.objects.exists()
    assert AuditEntry.objects.filter(action="recurring.remove").exists()


def test_who_may_only_look_is_offered_nothing(client):
    client.force_login(person("view_recurringtask"))
    row = make()

    assert client.get(PAGES).status_code == 200
    assert client.get(f"{PAGES}{row.pk}/change/").status_code == 200
    assert client.get(f"{PAGES}add/").status_code == 403
    assert client.post(f"{PAGES}{row.pk}/change/", FILLED_IN).status_code == 403
    assert client.post(f"{PAGES}{row.pk}/pause/", {"confirmed": "1"}).status_code == 403
