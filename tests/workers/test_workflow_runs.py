"""Workflows from their submission to their end: order, inputs, failures."""

import pytest

from governance.models import DeadLetter, Task
from reliability.failures import PermanentFailure, TransientFailure
from tests.workers.flows import Run, fetch, of, result_of, states, step, submit, task_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fleet"), pytest.mark.slow]


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
