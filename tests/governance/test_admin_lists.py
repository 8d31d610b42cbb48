"""The console's lists: found without counting, shown without a query a row, changed by nobody."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance.db import uuid7
from governance.models import Task, Worker, WorkerProcess
from juggernaut.console.lists import read_only, search
from tests.governance.console import complete, person, run, submit

pytestmark = pytest.mark.django_db
TASKS = "/admin/governance/task/"


@pytest.fixture
def viewer(client):
    client.force_login(person("view_task", "view_worker", "view_workerprocess"))
    return client


def made(seconds_ago, title):
    """A task whose id tells, too, when it was made; ids of the same millisecond stand in any order."""
    at = timezone.now() - timedelta(seconds=seconds_ago)
    Task.objects.create(pk=uuid7.lower_bound(at), title=title, task_type="evaluation", created_at=at)


def listed(client, query=""):
    response = client.get(f"{TASKS}{query}")
    assert response.status_code == 200
    return [task.title for task in response.context["cl"].result_list]


def test_newest_tasks_come_first(viewer):
    made(2, "first")
    made(1, "second")

    assert listed(viewer) == ["second", "first"]


def test_the_list_costs_the_same_queries_for_one_task_as_for_forty(viewer, django_assert_num_queries):
    submit()
    viewer.get(TASKS)
    with django_assert_num_queries(8) as few:
        viewer.get(TASKS)
    for number in range(39):
        submit(str(number))

    with django_assert_num_queries(len(few.captured_queries)):
        viewer.get(TASKS)


def test_no_query_of_the_list_reads_payloads_or_counts_without_a_limit(viewer, django_assert_max_num_queries):
    submit()

    with django_assert_max_num_queries(20) as made:
        viewer.get(TASKS)

    asked = [query["sql"] for query in made.captured_queries if "governance_tasks" in query["sql"]]
    assert not [sql for sql in asked if '"payload"' in sql or '"result"' in sql]
    assert not [sql for sql in asked if "COUNT(" in sql and "LIMIT" not in sql]


def test_a_list_longer_than_the_limit_says_that_it_is_cut(viewer, monkeypatch):
    monkeypatch.setattr(read_only, "LISTED", 2)
    for title in "abc":
        submit(title)

    page = viewer.get(TASKS).content.decode()

    assert "the newest 2 that match" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=completed", ["done"]),
        ("?status=pending", ["analyst's", "waiting"]),
        ("?worker=ANALYST&status=pending", ["analyst's"]),
        ("?type=evaluation&status=completed", ["done"]),
        ("?type=nonsense", []),
        ("?created=1h&status=completed", ["done"]),
        ("?q=WAIT", ["waiting"]),
        ("?q=nothing+like+this", []),
    ],
)
def test_tasks_are_found_by_filter_and_title(viewer, query, found):
    complete(submit("done", assigned_worker="EXECUTOR"))
    submit("waiting", assigned_worker="EXECUTOR")
    submit("analyst's", assigned_worker="ANALYST")

    assert listed(viewer, query) == found


def test_tasks_are_found_by_their_age(viewer):
    made(2 * 3600, "old")
    made(1, "new")

    assert listed(viewer, "?created=1h") == ["new"]
    assert listed(viewer, "?created=24h") == ["new", "old"]


def test_a_task_is_found_by_its_id_or_the_beginning_of_it(viewer):
    made(24 * 3600, "other")
    task_id = submit("wanted")

    for term in (str(task_id), str(task_id).upper(), task_id.hex, str(task_id)[:8], str(task_id)[:20]):
        assert listed(viewer, f"?q={term}") == ["wanted"]


def test_a_short_word_of_hexadecimal_letters_is_searched_as_a_title(viewer):
    submit("Facade")

    assert listed(viewer, "?q=face") == []
    assert listed(viewer, "?q=facade") == ["Facade"]


def test_titles_are_searched_among_the_newest_tasks_only(viewer, monkeypatch):
    monkeypatch.setattr(search, "TITLES_SEARCHED", 2)
    for number in (1, 2, 3):
        made(10 - number, f"wanted {number}")

    assert listed(viewer, "?q=wanted") == ["wanted 3", "wanted 2"]


def test_an_empty_list_says_whether_nothing_exists_or_the_filter_hides_it(viewer):
    assert "There are no tasks yet" in viewer.get(TASKS).content.decode()

    submit("hidden")

    assert "hides" in viewer.get(f"{TASKS}?q=other").content.decode()
    assert "The filters hide" in viewer.get(f"{TASKS}?status=failed").content.decode()


def test_an_error_message_cannot_write_into_the_page(viewer):
    task_id = submit("<script>alert(1)</script>")
    Task.objects.filter(pk=task_id).update(error_message="<img src=x onerror=alert(2)>")

    pages = [viewer.get(TASKS), viewer.get(f"{TASKS}{task_id}/change/")]

    for page in pages:
        assert "<script>alert(1)" not in page.content.decode()
        assert "<img src=x" not in page.content.decode()


def test_a_row_of_the_machinery_can_be_made_by_nobody(admin_client):
    assert admin_client.get("/admin/governance/workerprocess/add/").status_code == 403


@pytest.mark.parametrize("kind", ["task", "workerprocess"])
def test_machine_rows_can_be_deleted_by_nobody(admin_client, kind):
    actions = admin_client.get(f"/admin/governance/{kind}/").context["action_form"]

    assert not actions or "delete_selected" not in dict(actions.fields["action"].choices)


def test_a_task_cannot_be_edited_even_by_an_administrator(admin_client):
    task_id = submit()

    response = admin_client.post(f"{TASKS}{task_id}/change/", {"title": "mine", "status": "completed"})

    assert response.status_code == 403
    assert Task.objects.get(pk=task_id).title == "Report"


@pytest.mark.parametrize("kind", ["task", "worker", "workerprocess"])
def test_who_may_not_look_sees_nothing(client, kind):
    address = f"/admin/governance/{kind}/"
    assert client.get(address).status_code == 302

    client.force_login(person())

    assert client.get(address).status_code == 403


def test_a_silent_process_is_shown_as_silent(viewer):
    WorkerProcess.objects.create(
        worker_ids=["EXECUTOR"], host="here", pid=7, last_seen=timezone.now() - timedelta(seconds=30)
    )

    page = viewer.get("/admin/governance/workerprocess/").content.decode()

    assert "here, pid 7" in page
    assert "silent" in page


def test_the_worker_list_counts_living_processes_in_one_query(viewer, django_assert_num_queries):
    process = WorkerProcess.objects.create(worker_ids=["EXECUTOR"], host="here", pid=7, in_flight=3)
    WorkerProcess.objects.create(
        worker_ids=["EXECUTOR"], host="gone", pid=8, last_seen=timezone.now() - timedelta(seconds=30)
    )
    run(submit(assigned_worker="EXECUTOR"), process_id=process.process_id)
    viewer.get("/admin/governance/worker/")

    with django_assert_num_queries(7):
        response = viewer.get("/admin/governance/worker/")

    shown = {worker.pk: worker for worker in response.context["cl"].result_list}
    assert (shown["EXECUTOR"].process_count, shown["EXECUTOR"].in_flight) == (1, 3)
    assert Worker.objects.count() == len(shown)
