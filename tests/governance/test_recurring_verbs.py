"""Recurring tasks through their interfaces: what is checked, who may, what the audit log keeps."""

import json

import pytest
from django.core.management import CommandError, call_command

from governance.errors import InvalidInput
from governance.models import AuditEntry, RecurringTask
from governance.schedules import services
from tests.governance.recurring import SYSTEM, TASK, make

pytestmark = pytest.mark.django_db
DAILY = {"name": "daily", "cron": "0 3 * * *", "timezone": "Europe/Berlin", "task": TASK}


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"cron": "61 3 * * *"}, "cron", "bad minute"),
        ({"cron": ""}, "body", "either cron or every_seconds"),
        ({"every_seconds": 60}, "body", "either cron or every_seconds"),
        ({"cron": "", "every_seconds": 9}, "every_seconds", "greater than or equal to 10"),
        ({"timezone": "Mars/Olympus"}, "timezone", "a time zone is expected"),
        ({"timezone": "localtime"}, "timezone", "a time zone is expected"),
        ({"timezone": "a\x00b"}, "timezone", "U+0000"),
        ({"task": {"task_type": "nope"}}, "task.task_type", "unknown task type 'nope'"),
        ({"task": TASK | {"payload": {}}}, "task.payload.eval_type", "Field required"),
        ({"task": TASK | {"idempotency_key": "x"}}, "task.idempotency_key", "each time differs"),
        ({"task": TASK | {"assigned_worker": "NOBODY"}}, "task.assigned_worker", "unknown worker"),
        ({"missed": "maybe"}, "missed", "Input should be 'skip'"),
        ({"max_catch_up": 0}, "max_catch_up", "greater than or equal to 1"),
        ({"nmae": "x"}, "nmae", "Extra inputs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_refused_by_its_field_before_it_is_stored(wrong, field, said):
    with pytest.raises(InvalidInput) as refused:
        services.create(DAILY | wrong, actor=SYSTEM)

    assert field in {error.field for error in refused.value.errors}
    assert said in str(refused.value)
    assert not RecurringTask.objects.exists()


def test_a_name_can_be_taken_once():
    services.create(DAILY, actor=SYSTEM)

    with pytest.raises(InvalidInput, match="another recurring task has the name 'daily'"):
        services.create(DAILY, actor=SYSTEM)


def test_every_change_is_audited_with_who_and_why_and_the_machinery_is_not():
    row = services.create(DAILY, actor=SYSTEM, reason="asked for")
    services.change(row.pk, {"cron": "0 4 * * *"}, actor=SYSTEM, reason="later")
    services.pause([row.pk], actor=SYSTEM, reason="holidays")
    RecurringTask.objects.filter(pk=row.pk).update(problem="reliability says so")
    services.remove(row.pk, actor=SYSTEM, reason="done with it")

    entries = AuditEntry.objects.order_by("pk").values_list("action", "actor", "reason")
    assert list(entries) == [
        ("recurring.create", "command:tests", "asked for"),
        ("recurring.change", "command:tests", "later"),
        ("recurring.pause", "command:tests", "holidays"),
        ("recurring.remove", "command:tests", "done with it"),
    ]


def test_a_change_of_the_clock_moves_the_next_time_and_other_changes_do_not():
    row = services.create(DAILY, actor=SYSTEM)

    other = services.change(row.pk, {"missed": "skip"}, actor=SYSTEM)
    later = services.change(row.pk, {"every_seconds": 86400}, actor=SYSTEM)

    assert other.next_run_at == row.next_run_at
    assert (later.kind, later.cron) == ("interval", "")
    assert later.next_run_at != row.next_run_at


# ------------------------------------------------------------------------------------------- the API


def test_the_life_of_one_through_the_api(operator):
    created = operator.post("recurring", DAILY | {"reason": "asked for"})
    assert created.status_code == 201, created.content
    row = created.json()
    address = row["url"].removeprefix("http://testserver/api/")
    assert created["Location"] == row["url"]
    assert len(row["next_runs"]) == 5
    assert row["next_runs"][0] == row["next_run_at"]

    changed = operator.patch(address, {"missed": "all"})
    paused = operator.post(f"{address}/pause", {"reason": "holidays"})
    listed = operator.get("recurring")
    runs = operator.get(f"{address}/runs")
    resumed = operator.post(f"{address}/resume")

    assert changed.json()["missed"] == "all"
    assert (paused.json()["status"], paused.json()["next_runs"]) == ("paused", [])
    assert [found["name"] for found in listed.json()["recurring"]] == ["daily"]
    assert runs.json() == {"runs": [], "next": None}
    assert resumed.json()["status"] == "active"
    assert operator.delete(address).status_code == 204
    assert operator.get(address).status_code == 404


def test_the_api_names_the_field_that_is_wrong(operator):
    refused = operator.post("recurring", DAILY | {"task": {"task_type": "nope"}})

    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "task.task_type"


@pytest.mark.parametrize("name", ["nonsense", "01a210d7-0000-7000-8000-000000000000"])
def test_what_does_not_exist_is_not_found(operator, name):
    assert operator.get(f"recurring/{name}").status_code == 404
    assert operator.post(f"recurring/{name}/pause").status_code == 404


def test_who_may_only_look_changes_nothing(client_with):
    viewer = client_with("view_recurringtask")
    row = make()

    assert viewer.get("recurring").status_code == 200
    assert viewer.post("recurring", DAILY).status_code == 403
    assert viewer.patch(f"recurring/{row.pk}", {"missed": "all"}).status_code == 403
    assert viewer.post(f"recurring/{row.pk}/pause").status_code == 403
    assert viewer.delete(f"recurring/{row.pk}").status_code == 403


def test_who_may_not_submit_tasks_may_not_have_them_submitted(client_with):
    client = client_with("add_recurringtask", "view_recurringtask")

    assert client.post("recurring", DAILY).status_code == 403


# ------------------------------------------------------------------------------------------- commands


def run(capsys, *arguments):
    call_command(*arguments)
    return capsys.readouterr().out


def test_the_life_of_one_through_commands(capsys):
    task = json.dumps(TASK)
    made = run(capsys, "set_recurring", "nightly", "--cron", "0 3 * * *", "--task", task)
    assert made.startswith("nightly (active): cron 0 3 * * * UTC, next at ")

    changed = run(capsys, "set_recurring", "nightly", "--every", "3600")
    assert "every 3600 s" in changed
    assert run(capsys, "pause_recurring", "nightly") == "paused: 1; stood so already: 0\n"
    assert "nightly (paused)" in run(capsys, "list_recurring")
    assert run(capsys, "resume_recurring", "nightly") == "resumed: 1; stood so already: 0\n"
    assert run(capsys, "list_recurring", "nightly") == "nightly has not been due yet.\n"
    assert run(capsys, "remove_recurring", "nightly", "--reason", "done") == "removed: nightly\n"
    assert run(capsys, "list_recurring") == "There are no recurring tasks.\n"


def test_a_command_about_one_that_does_not_exist_ends_with_one_line():
    with pytest.raises(CommandError, match="no recurring task has the id nothing"):
        call_command("pause_recurring", "nothing")
