"""Submitting a task in the console."""

import json

import pytest

from governance.models import Task
from tests.governance.console import person, submit
from tests.ids import NOBODYS_ID

pytestmark = pytest.mark.django_db

ADD = "/admin/governance/task/add/"
TASK = {
    "task_type": "evaluation", "title": "By hand", "payload": '{"eval_type": "metric", "metric_value": 42}',
    "assigned_worker": "", "priority": "3", "max_cost_usd": "0.5", "idempotency_key": "console-1",
}  # fmt: skip


@pytest.fixture
def operator(client):
    client.force_login(person("view_task", "add_task"))
    return client


def errors(response):
    assert response.status_code == 200
    return dict(response.context["form"].errors)


def test_a_task_is_submitted_and_its_page_opened(operator):
    response = operator.post(ADD, TASK)

    task = Task.objects.get()
    assert response.headers["Location"] == f"/admin/governance/task/{task.pk}/change/"
    assert (task.title, task.task_type, task.priority, str(task.max_cost_usd)) == (
        "By hand", "evaluation", 3, "0.500000000",
    )  # fmt: skip
    assert task.payload == {"eval_type": "metric", "metric_value": 42}
    assert task.created_by.startswith("user:")


def test_a_form_that_is_sent_twice_submits_once(operator):
    first = operator.post(ADD, TASK)

    second = operator.post(ADD, TASK)

    assert second.headers["Location"] == first.headers["Location"]
    assert Task.objects.count() == 1


def test_a_form_that_was_sent_with_other_words_says_so(operator):
    operator.post(ADD, TASK)

    assert "sent before" in str(errors(operator.post(ADD, TASK | {"title": "Other"}))["__all__"])


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"payload": "{"}, "payload", "valid JSON"),
        ({"payload": "[1]"}, "payload", "A JSON object is expected"),
        ({"payload": '{"eval_type": "metric"}'}, "payload", "metric_value: Field required"),
        ({"task_type": "nope"}, "task_type", "not one of the available choices"),
        ({"priority": "101"}, "priority", "less than or equal to 100"),
        ({"max_cost_usd": "-1"}, "max_cost_usd", "greater than or equal to 0"),
        ({"assigned_worker": "NOBODY"}, "assigned_worker", "not one of the available choices"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(operator, wrong, field, words):
    assert words in str(errors(operator.post(ADD, TASK | wrong))[field])
    assert not Task.objects.exists()


def test_the_form_begins_with_an_example_that_works(operator):
    form = operator.get(ADD).context["form"]
    begun = {name: form[name].value() for name in form.fields}

    operator.post(ADD, begun | {"assigned_worker": "", "title": "", "max_cost_usd": ""})

    assert Task.objects.get().task_type == "evaluation"


def test_a_copy_begins_with_what_the_other_was_submitted_with(operator):
    task_id = submit("Original", priority=7)

    form = operator.get(f"{ADD}?like={task_id}").context["form"]

    assert (form["title"].value(), form["priority"].value()) == ("Original", 7)
    assert json.loads(form["payload"].value()) == Task.objects.get().payload


@pytest.mark.parametrize("like", [NOBODYS_ID, "nonsense"])
def test_a_copy_of_nothing_is_the_example(operator, like):
    assert "metric_value" in operator.get(f"{ADD}?like={like}").content.decode()


def test_the_fields_of_every_type_are_told(operator):
    page = operator.get(ADD).content.decode()

    for word in ("eval_type", "prompt", "steps"):
        assert word in page


@pytest.mark.parametrize("held", [("view_task",), ("add_task",), ()])
def test_who_may_not_submit_is_refused(client, held):
    client.force_login(person(*held))

    assert client.get(ADD).status_code == 403
    assert client.post(ADD, TASK).status_code == 403
    assert not Task.objects.exists()


def test_the_list_offers_it_to_who_may(operator, client):
    assert "Submit a task" in operator.get("/admin/governance/task/").content.decode()

    client.force_login(person("view_task"))

    assert "Submit a task" not in client.get("/admin/governance/task/").content.decode()
