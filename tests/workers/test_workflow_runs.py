"""Workflows from their submission to their end: order, inputs, failures, retry, cancel, money."""

from decimal import Decimal

import pytest
from django.db import connection

from governance import budgets, tasks, transitions, workflows
from governance.errors import BudgetExceeded, LeaseLost
from governance.models import DeadLetter, Task, TaskEvent, WorkflowStep
from reliability.failures import PermanentFailure, TransientFailure
from tests.workers.flows import SYSTEM, Run, fetch, of, result_of, states, step, submit, task_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fleet")]


def fails(payload):
    raise PermanentFailure("no such page")


# ------------------------------------------------------------------------------------------- success


def test_a_step_starts_when_those_before_it_have_completed_and_gets_what_they_brought():
    workflow = submit(
        step("fetch", [{"url": "a"}, {"url": "b"}]),
        step("look", of("fetch.value.1.url")),
        step("join", {"first": of("fetch.value.0"), "all": of("look")}, after="look"),
        output={"answer": of("join.value.all.value")},
    )

    Run().go()

    assert fetch(workflow).status == "completed"
    assert result_of(workflow, "join")["value"] == {
        "first": {"url": "a"},
        "all": {"value": "b", "number": None},
    }
    result = result_of(workflow)
    assert result["output"] == {"answer": "b"}
    assert (result["completed"], result["failed"], result["skipped"]) == (3, 0, 0)
    assert [told["name"] for told in result["steps"]] == ["fetch", "look", "join"]


def test_a_waiting_workflow_is_parked_says_how_far_it_is_and_has_used_no_attempt():
    workflow = submit(step("one"), step("two", after="one"))
    run = Run()

    run.go(turns=1)

    parked = fetch(workflow)
    assert (parked.status, parked.attempts) == ("parked", 0)
    assert parked.waiting_for == "its 2 steps, of which 0 have ended"
    assert "still to come: one, two" in str(parked.wait)


def test_steps_are_children_with_the_name_and_the_submitter_of_the_workflow():
    workflow = submit(step("one"), step("two", after="one", priority=7), task={"priority": 3})

    Run().go(turns=1)

    children = Task.objects.filter(parent=workflow).order_by("step__position")
    assert [child.title for child in children] == ["one", "two"]
    assert [child.priority for child in children] == [3, 7]
    assert {child.created_by for child in children} == {"command:tests"}
    assert [child.status for child in children] == ["pending", "parked"]


def test_a_thousand_steps_that_fan_out_and_in_take_three_runs_of_the_workflow():
    spread = [step(f"s{n}", n, after="start") for n in range(998)]
    workflow = submit(step("start"), *spread, step("end", [of(f"s{n}.value") for n in range(998)]))
    run = Run()

    run.go()

    assert fetch(workflow).status == "completed"
    assert result_of(workflow, "end")["value"] == list(range(998))
    assert run.runs["workflow"] == 3
    assert set(run.runs.values()) == {1, 3}


def test_inputs_of_the_workflow_reach_its_steps():
    workflow = submit(
        step("one", of("inputs.where.0")),
        step("two", of("inputs.absent", default="here")),
        inputs={"where": ["there"]},
    )

    Run().go()

    assert result_of(workflow, "one")["value"] == "there"
    assert result_of(workflow, "two")["value"] == "here"


def test_a_workflow_in_a_workflow_gets_inputs_and_brings_its_output():
    inner = {
        "steps": [step("double", [of("inputs.word"), of("inputs.word")])],
        "inputs": {"word": of("outer.value")},
        "output": of("double.value"),
    }
    workflow = submit(
        step("outer", "hey"),
        {"name": "inner", "task_type": "workflow", "payload": inner},
        step("last", of("inner.output.1")),
    )

    Run().go()

    assert fetch(workflow).status == "completed"
    assert result_of(workflow, "last")["value"] == "hey"


# ------------------------------------------------------------------------------------------- failures


def test_a_failed_step_fails_the_workflow_and_cancels_what_has_not_ended():
    workflow = submit(step("bad"), step("after", after="bad"), step("beside", after="after"))

    Run({"bad": fails}).go()

    ended = fetch(workflow)
    assert (ended.status, ended.error_message) == ("failed", "step 'bad' failed: no such page")
    assert ended.failure == {"cause": "permanent", "error_class": "StepFailed"}
    assert states(workflow) == {"bad": "failed", "after": "cancelled", "beside": "cancelled"}
    assert task_of(workflow, "after").error_message == f"its workflow {workflow} has failed"


def test_skip_cancels_what_depends_on_the_step_and_nothing_else():
    workflow = submit(
        step("bad", on_failure="skip"),
        step("after", after="bad"),
        step("far", after="after"),
        step("fed", of("far")),
        step("beside"),
    )

    Run({"bad": fails}).go()

    assert fetch(workflow).status == "completed"
    result = result_of(workflow)
    assert {told["name"]: told["status"] for told in result["steps"]} == {
        "bad": "failed",
        "after": "skipped",
        "far": "skipped",
        "fed": "skipped",
        "beside": "completed",
    }
    assert task_of(workflow, "far").error_message == "skipped: step 'bad' failed"
    assert (result["completed"], result["failed"], result["skipped"]) == (1, 1, 3)


def test_continue_runs_what_depends_on_the_step_without_its_output():
    workflow = submit(
        step("bad", on_failure="continue"),
        step("plain", "still here", after="bad"),
        step("default", of("bad.value", default="nothing")),
    )

    Run({"bad": fails}).go()

    assert fetch(workflow).status == "completed"
    assert result_of(workflow, "plain")["value"] == "still here"
    assert result_of(workflow, "default")["value"] == "nothing"


def test_retry_tries_again_what_is_called_permanent_as_often_as_it_may_start():
    workflow = submit(step("bad", on_failure="retry", max_attempts=3), step("after", after="bad"))
    run = Run({"bad": fails})

    run.go()

    assert run.runs["bad"] == 3
    assert fetch(workflow).status == "failed"


def test_an_outage_is_tried_again_before_the_policy_counts():
    answers = iter([TransientFailure("busy"), TransientFailure("busy")])

    def at_last(payload):
        for error in answers:
            raise error
        return {"value": "at last"}

    workflow = submit(step("flaky", max_attempts=3), step("after", of("flaky.value")))

    Run({"flaky": at_last}).go()

    assert fetch(workflow).status == "completed"
    assert result_of(workflow, "after")["value"] == "at last"


def test_a_reference_that_leads_nowhere_fails_its_step_and_says_where():
    workflow = submit(step("one", {"a": 1}), step("two", {"x": [of("one.value.b.c")]}))

    Run().go()

    failed = task_of(workflow, "two")
    assert failed.status == "failed"
    assert failed.error_message == (
        "its input cannot be had: payload.value.x.0: the result of step 'one' has no 'value.b.c'"
    )
    assert failed.failure == {"cause": "permanent", "error_class": "BadInput"}
    assert fetch(workflow).status == "failed"


def test_what_a_step_brings_is_checked_by_the_schema_of_the_step_that_gets_it():
    workflow = submit(step("one", "many"), step("two", payload={"number": of("one.value")}))

    Run().go()

    assert "payload.number: Input should be a valid integer" in task_of(workflow, "two").error_message
    assert fetch(workflow).status == "failed"


def test_a_null_is_a_value():
    workflow = submit(step("one", None), step("two", of("one.value", default="missing")))

    Run().go()

    assert result_of(workflow, "two")["value"] is None


def test_too_much_input_is_refused(monkeypatch):
    monkeypatch.setattr("workers.workflow.inputs.MAX_BYTES", 100)
    workflow = submit(step("one", "x" * 80), step("two", [of("one.value"), of("one.value")]))

    Run().go()

    assert "is too much" in task_of(workflow, "two").error_message


def test_a_step_for_a_worker_that_does_not_exist_fails_the_workflow_by_its_field():
    workflow = submit(step("one"), step("two", assigned_worker="NOBODY"))

    Run().go()

    assert fetch(workflow).error_message.startswith("bad payload: payload.steps.1.assigned_worker: unknown")
    assert not Task.objects.filter(parent=workflow).exists()


def test_an_output_that_cannot_be_had_fails_the_workflow():
    workflow = submit(step("one", "x"), output=of("one.value.y"))

    Run().go()

    assert fetch(workflow).error_message == (
        "its output cannot be had: output: the result of step 'one' has no 'value.y'"
    )


def test_a_dead_letter_of_a_step_names_its_workflow():
    workflow = submit(step("bad"))

    Run({"bad": fails}).go()

    letter = DeadLetter.objects.get(task_id=task_of(workflow, "bad").pk)
    assert letter.snapshot["parent"] == str(workflow)
    assert letter.snapshot["title"] == "bad"


# ------------------------------------------------------------------------------------------- again


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
        workflows.hold(workflow, token=1)
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
