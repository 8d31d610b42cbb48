"""`tasks.submit`, `tasks.one` and `json_text` called directly, as tools and commands call them."""

from uuid import uuid4

import pytest

from governance.access import actors, roles
from governance.access.actors import Actor
from governance.db import strict_json
from governance.errors import Forbidden, InvalidJson, InvalidSubmission, TaskNotFound, TransitionConflict
from governance.models import Task, TaskDependency, TaskEvent
from governance.tasks import schemas
from governance.tasks import services as tasks
from tests.governance import samples
from tests.governance.api_client import make_user

pytestmark = pytest.mark.django_db


def test_what_is_left_out_comes_from_the_task_type():
    task = Task.objects.get(pk=samples.submit())

    assert (task.assigned_worker, task.timeout_seconds, task.max_attempts) == ("ANALYST", 60, 3)


def test_a_new_task_has_its_first_event():
    event = TaskEvent.objects.get(task_id=samples.submit())

    assert (event.seq, event.from_status, event.to_status, event.actor) == (0, "", "pending", "command:tests")


def test_a_dependency_that_is_done_does_not_hold_the_task():
    done = samples.in_state("completed")

    task_id = samples.submit(depends_on=[str(done), str(done)])

    assert Task.objects.get(pk=task_id).status == "pending"
    assert TaskDependency.objects.filter(task_id=task_id).count() == 1


def test_errors_among_many_carry_the_number_of_the_task():
    wrong = [schemas.parse(samples.EVALUATION | {"parent": str(uuid4())}) for _ in range(2)]

    with pytest.raises(InvalidSubmission) as refused:
        tasks.submit(wrong, actor=samples.SYSTEM)

    assert [error.index for error in refused.value.errors] == [0, 1]
    assert str(refused.value).startswith("task 0: parent: no task has the id")
    assert not Task.objects.exists()


def test_without_the_permission_nothing_is_submitted():
    stranger = actors.from_user(make_user("anna", "view_task"))

    with pytest.raises(Forbidden, match=r"user:anna .* governance.add_task"):
        tasks.submit([schemas.parse(samples.EVALUATION)], actor=stranger)


def test_an_actor_without_a_user_may_nothing():
    with pytest.raises(Forbidden):
        Actor("ghost").require("governance.view_task")


def test_a_command_may_everything():
    actors.from_command("root").require("governance.terminate_task")


@pytest.mark.parametrize("role", roles.ROLES)
def test_a_role_gives_its_permissions(role: str):
    user = make_user("anna")
    roles.assign(user, role)

    for permission in roles.ROLES[role]:
        actors.from_user(user).require(permission)
    with pytest.raises(Forbidden):
        actors.from_user(user).require("governance.delete_task")


def test_one_task_is_moved_and_its_state_told():
    task_id = samples.submit()

    assert tasks.one(tasks.cancel, task_id, actor=samples.SYSTEM, reason="enough") == "cancelled"

    with pytest.raises(TransitionConflict) as late:
        tasks.one(tasks.cancel, task_id, actor=samples.SYSTEM, reason="enough")
    assert late.value.found == "cancelled"
    with pytest.raises(TaskNotFound):
        tasks.one(tasks.cancel, uuid4(), actor=samples.SYSTEM, reason="enough")


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ({"a": [1, 1.5, "ü\\u0000", None, True]}, None),
        ({"a": {"b": ["\x00"]}}, "it contains the character U+0000"),
        ({"\x00": 1}, "it contains the character U+0000"),
        ({"a": [float("nan")]}, "numbers must be finite"),
        ({"a": float("-inf")}, "numbers must be finite"),
        ({"a": 2**64}, "Integer exceeds 64-bit range"),
        ({"a": "\ud800"}, "str is not valid UTF-8: surrogates not allowed"),
        ({1: "a"}, "Dict key must be str"),
    ],
)
def test_a_value_that_cannot_be_stored_says_why(value: object, flaw: str | None):
    assert strict_json.find_error(value) == flaw


def test_json_is_read_as_what_it_says():
    assert strict_json.loads(b'{"a": [1, -2, 1.5, "\\ud83d\\ude00", null, true]}') == {
        "a": [1, -2, 1.5, "\N{GRINNING FACE}", None, True]
    }


def test_json_that_is_none_says_where():
    with pytest.raises(InvalidJson, match="line 2, column 1"):
        strict_json.loads(b'{"a":\n}')


def test_half_of_a_surrogate_pair_is_no_text():
    assert strict_json.find_error_in_text("\udc00") == "it contains half of a surrogate pair"
