"""The page of one task: what happened, why it does not run, and what belongs to it."""

from uuid import uuid4

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from governance.models import Task, WorkerProcess
from governance.tasks import services as tasks
from governance.tasks import transitions
from governance.tasks.transitions import types
from juggernaut.console.pages.tasks import task_tree
from tests.governance.console import SEED, complete, person, run, submit
from tests.ids import NOBODYS_ID

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client):
    client.force_login(person("view_task"))
    return client


def page(client, task_id):
    response = client.get(f"/admin/governance/task/{task_id}/change/")
    assert response.status_code == 200
    return response


def test_every_event_is_on_the_timeline_with_actor_and_reason(viewer):
    task_id = submit()
    tasks.cancel([task_id], actor=SEED, reason="superseded")

    shown = page(viewer, task_id)

    branches = shown.context["branches"]
    assert [branch.says for branch in branches] == ["cancelled", "submitted"]
    assert branches[0].after is not None
    assert "superseded" in shown.content.decode()
    assert "command:test" in shown.content.decode()


def test_it_says_why_the_task_is_not_running(viewer):
    task_id = submit(assigned_worker="EXECUTOR")
    assert "No process of EXECUTOR is alive" in page(viewer, task_id).content.decode()

    WorkerProcess.objects.create(worker_ids=["EXECUTOR"], host="here", pid=1)

    assert "stands in line" in page(viewer, task_id).content.decode()


def test_a_task_that_has_ended_needs_no_reason(viewer):
    task_id = submit()
    complete(task_id)

    shown = page(viewer, task_id)

    assert shown.context["why"] == ""
    assert "&quot;verdict&quot;: &quot;pass&quot;" in shown.content.decode()


def test_a_late_result_is_shown_beside_the_task(viewer):
    task_id, process = submit(), uuid4()
    claim = run(task_id, process_id=process)
    tasks.terminate([task_id], actor=SEED, reason="too long")
    late = types.AttemptReport(claim.id, claim.token, result=b'{"answer": "too late"}')
    transitions.complete([late], process_id=process)

    shown = page(viewer, task_id).content.decode()

    assert "1 late result" in shown
    assert "too late" in shown
    assert str(process) in shown


def test_dependencies_dependents_and_children_are_linked(viewer):
    first = submit("the first")
    second = submit("the second", depends_on=[str(first)], parent=str(first))

    of_first = dict(page(viewer, first).context["related"])
    of_second = dict(page(viewer, second).context["related"])

    assert [task.pk for task in of_second["Depends on"].tasks] == [first]
    assert [task.pk for task in of_first["Waited for by"].tasks] == [second]
    assert [node.id for node in page(viewer, first).context["below"].nodes] == [second]
    assert [node.id for node in page(viewer, second).context["above"]] == [first]
    assert f"/admin/governance/task/{first}/change/" in page(viewer, second).content.decode()


def test_the_page_costs_the_same_queries_however_much_belongs_to_the_task(viewer, django_assert_num_queries):
    parent = submit()
    submit(parent=str(parent))
    page(viewer, parent)
    with django_assert_num_queries(17) as few:
        page(viewer, parent)
    for _ in range(task_tree.SHOWN):
        submit(parent=str(parent))

    with django_assert_num_queries(len(few.captured_queries)):
        shown = page(viewer, parent)

    below = shown.context["below"]
    assert len(below.nodes) == task_tree.SHOWN
    assert below.is_cut
    assert below.counts == [("pending", task_tree.SHOWN + 1)]


def test_a_large_payload_is_cut_and_says_so(viewer):
    task_id = submit()
    Task.objects.filter(pk=task_id).update(payload={"text": "x" * 50_000})

    assert "more characters" in page(viewer, task_id).content.decode()


@pytest.mark.parametrize("wrong", ["0193", "nonsense", NOBODYS_ID])
def test_an_id_that_no_task_has_leads_back_with_a_message(viewer, wrong):
    response = viewer.get(f"/admin/governance/task/{wrong}/change/")

    assert response.status_code == 302
    assert "doesn’t exist" in " ".join(map(str, get_messages(response.wsgi_request)))


def test_a_row_typed_into_sql_is_shown(viewer):
    task = Task.objects.create(task_type="unheard_of", deadline=timezone.now())

    assert "unheard_of" in page(viewer, task.pk).content.decode()
