"""Workflows that are retried, ended, paid for and looked at."""

from decimal import Decimal

import pytest
from django.db import connection

from governance import budgets
from governance.errors import BudgetExceeded, LeaseLost
from governance.models import DeadLetter, Task, TaskEvent, WorkflowStep
from governance.tasks import services as tasks
from governance.tasks import transitions, workflows
from reliability.failures import PermanentFailure
from tests.workers.flows import SYSTEM, Run, fetch, of, result_of, states, step, submit, task_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fleet"), pytest.mark.slow]


def fails(payload):
    raise PermanentFailure("no such page")


def test_retrying_a_failed_workflow_runs_only_what_has_not_completed():
    workflow = submit(
        step("good", "kept"),
        step("bad", "late", after="good"),
        step("end", [of("good.value"), of("bad.value")]),
    )
    run = Run({"bad": fails})
    run.go()
    del run.script["bad"]

    tasks.retry([workflow], actor=SYSTEM, reason="the page is back")
    run.go()

    assert fetch(workflow).status == "completed"
    assert (run.runs["good"], run.runs["bad"], run.runs["end"]) == (1, 2, 1)
    assert result_of(workflow, "end")["value"] == ["kept", "late"]
    assert not DeadLetter.objects.exclude(status="resolved").exists()


def test_a_cancelled_workflow_that_is_retried_takes_up_what_was_cancelled():
    workflow = submit(step("one"), step("two", of("one")), step("three", after="two"))
    run = Run()
    run.go(turns=1)
    tasks.cancel([workflow], actor=SYSTEM, reason="not now")
    assert set(states(workflow).values()) == {"cancelled"}

    tasks.retry([workflow], actor=SYSTEM, reason="now")
    run.go()

    assert set(states(workflow).values()) == {"completed"}
    assert fetch(workflow).status == "completed"


def test_a_workflow_that_is_brought_back_in_sql_goes_on_as_well():
    workflow = submit(step("bad"))
    run = Run({"bad": fails})
    run.go()
    run.script.clear()

    in_sql("UPDATE governance_tasks SET status = 'pending' WHERE id = %s", workflow)
    run.go()

    assert fetch(workflow).status == "completed"


def test_a_step_that_was_retried_by_itself_is_fed_before_it_runs():
    workflow = submit(step("one"), step("two", of("one.number")), step("three", after="two"))
    run = Run()
    run.go(turns=1)
    two = task_of(workflow, "two")
    tasks.cancel([two.pk], actor=SYSTEM, reason="a slip")

    tasks.retry([two.pk], actor=SYSTEM, reason="mended")

    two.refresh_from_db()
    assert (two.status, two.waiting_for) == ("parked", "inputs")
    run.go()
    assert fetch(workflow).status == "completed"


# ------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize("verb", [tasks.cancel, tasks.terminate], ids=["cancel", "terminate"])
def test_ending_a_workflow_ends_all_that_lives_below_it(verb):
    inner = {"name": "inner", "task_type": "workflow", "payload": {"steps": [step("deep")]}}
    workflow = submit(step("one"), inner)
    run = Run()
    run.go(turns=1)
    one = task_of(workflow, "one")
    made_by_one = Task.objects.create(task_type="say", parent=one)
    assert states(workflow) == {"one": "pending", "inner": "pending"}

    verb([workflow], actor=SYSTEM, reason="enough")

    assert set(states(workflow).values()) == {"cancelled"}
    assert fetch(made_by_one.pk).status == "cancelled"
    event = TaskEvent.objects.filter(task_id=one.pk).latest("seq")
    assert (event.actor, event.from_status, event.to_status) == (
        f"workflow:{workflow}",
        "pending",
        "cancelled",
    )


def test_ending_a_workflow_in_sql_ends_all_that_lives_below_it():
    inner = {"name": "inner", "task_type": "workflow", "payload": {"steps": [step("deep")]}}
    workflow = submit(inner)
    run = Run()
    run.go(turns=1)
    run.go(turns=1)
    deep = Task.objects.get(title="deep")
    assert deep.status in {"pending", "in_progress"}

    in_sql("UPDATE governance_tasks SET status = 'cancelled' WHERE id = %s", workflow)

    assert fetch(deep.pk).status == "cancelled"
    assert states(workflow) == {"inner": "cancelled"}


def test_a_deadline_ends_the_steps_with_the_workflow():
    workflow = submit(step("one", after=""), step("two", after="one"))
    Run().go(turns=1)
    in_sql("UPDATE governance_tasks SET deadline = now() - interval '1 second' WHERE id = %s", workflow)

    transitions.expire()

    assert fetch(workflow).status == "failed"
    assert set(states(workflow).values()) == {"cancelled"}


def test_a_step_that_was_ended_in_sql_is_seen_by_the_sweep():
    workflow = submit(step("one"), step("two", after="one"))
    Run().go(turns=1)
    one = task_of(workflow, "one").pk
    in_sql("UPDATE governance_tasks SET status = 'completed', result = '{}' WHERE id = %s", one)
    transitions.release_dependents()
    in_sql("UPDATE governance_tasks SET status = 'failed' WHERE id = %s", task_of(workflow, "two").pk)

    woken = transitions.wake_workflows()

    assert [task.id for task in woken] == [workflow]
    Run().go()
    assert fetch(workflow).status == "failed"


def test_nothing_is_woken_that_could_not_go_on():
    workflow = submit(step("one", on_failure="continue"), step("two"), step("three", of("two")))
    run = Run({"one": fails})
    run.go(turns=1)
    in_sql("UPDATE governance_tasks SET status = 'failed' WHERE id = %s", task_of(workflow, "one").pk)

    assert transitions.wake_workflows() == []
    assert fetch(workflow).status == "parked"


def test_a_run_that_lost_its_lease_makes_no_steps():
    workflow = submit(step("one"))

    with pytest.raises(LeaseLost):
        workflows.lock(workflow, token=1)
    assert not WorkflowStep.objects.exists()


# ------------------------------------------------------------------------------------------- money


def test_all_steps_spend_from_the_envelope_of_the_workflow():
    workflow = submit(step("one"), step("two"), task={"max_cost_usd": "1"})
    Run().go(turns=1)
    one, two = task_of(workflow, "one"), task_of(workflow, "two")

    budgets.reserve(worker_id="EXECUTOR", task_id=one.pk, amount_usd=Decimal("0.8"), seconds=60)

    with pytest.raises(BudgetExceeded) as refused:
        budgets.reserve(worker_id="EXECUTOR", task_id=two.pk, amount_usd=Decimal("0.8"), seconds=60)
    assert refused.value.scope == f"task:{workflow}"


def in_sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


# ------------------------------------------------------------------------------------------- the console


def test_the_page_of_a_workflow_shows_its_tree_and_why_it_waits(admin_client):
    inner = {"name": "inner", "task_type": "workflow", "payload": {"steps": [step("deep")]}}
    workflow = submit(step("one", on_failure="skip"), step("two", after="one"), inner)
    run = Run({"one": fails, "deep": fails})
    run.go(turns=1)

    waiting = admin_client.get(f"/admin/governance/task/{workflow}/change/")
    run.go()
    ended = admin_client.get(f"/admin/governance/task/{workflow}/change/")

    assert "look at its children for what keeps them" in waiting.context["why"]
    nodes = [(node.title, node.level, node.status) for node in ended.context["below"].nodes]
    assert nodes == [
        ("one", 1, "failed"),
        ("two", 1, "skipped"),
        ("inner", 1, "failed"),
        ("deep", 2, "failed"),
    ]


def test_the_page_and_the_api_of_a_steps_dead_letter_name_its_workflow(admin_client):
    workflow = submit(step("bad"), task={"title": "The nightly run"})
    Run({"bad": fails}).go()
    letter = DeadLetter.objects.get(task_id=task_of(workflow, "bad").pk)

    page = admin_client.get(f"/admin/governance/deadletter/{letter.pk}/change/").content.decode()
    told = admin_client.get(f"/api/dlq/{letter.pk}").json()

    assert "the step bad of the workflow" in page
    assert "The nightly run" in page
    assert (told["step"], told["workflow_id"]) == ("bad", str(workflow))
