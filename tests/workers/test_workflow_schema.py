"""What is refused when a workflow is submitted, and by which field."""

import pytest

from governance.errors import InvalidSubmission
from governance.tasks import registry as task_types
from governance.tasks import schemas
from tests.workers.flows import of, step

METRIC = {"eval_type": "metric", "metric_value": 1}


def errors(*steps, **payload):
    """What is wrong: field → message."""
    body = {"task_type": "workflow", "payload": {"steps": list(steps), **payload}}
    try:
        schemas.parse(body)
    except InvalidSubmission as invalid:
        return {error.field: error.message for error in invalid.errors}
    return {}


def test_a_sound_workflow_is_accepted():
    assert errors(step("a"), step("b", of("a.value"), after="a"), output=of("b")) == {}


@pytest.mark.parametrize(
    ("steps", "field", "said"),
    [
        ([step("a"), step("a")], "steps.1.name", "another step has the name 'a'"),
        ([step("inputs")], "steps.0.name", "'inputs' is taken"),
        ([step("a.b")], "steps.0.name", "String should match pattern"),
        ([step("a", after="b")], "steps.0.depends_on", "there is no step 'b'"),
        ([step("a", {"x": [1, of("b.c")]})], "steps.0.payload.value.x.1", "there is no step 'b'"),
        ([step("a", of("inputs.x"))], "steps.0.payload.value", "the workflow has no input 'x'"),
        ([step("a", {"$from": "b", "x": 1})], "steps.0.payload", "and nothing else: not x"),
        ([step("a", {"$from": "b..c"})], "steps.0.payload", "$from says a step and a path"),
        ([step("a", {"$from": 7})], "steps.0.payload", "$from says a step and a path"),
        ([step("a", task_type="nope")], "steps.0.task_type", "unknown task type 'nope'"),
        ([step("a", payload={"number": "x"})], "steps.0.payload.number", "valid integer"),
        ([step("a", on_failure="hope")], "steps.0.on_failure", "Input should be 'fail', 'skip'"),
        ([], "steps", "at least 1 item"),
    ],
    ids=[
        "twice", "reserved", "dot", "unknown", "unknown-reference", "no-input", "more-than-reference",
        "bad-path", "no-text", "type", "payload", "policy", "none",
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_field(steps, field, said):
    found = errors(*steps)

    assert list(found) == [f"payload.{field}"]
    assert said in found[f"payload.{field}"]


@pytest.mark.parametrize(
    "steps",
    [
        [step("a", after="b"), step("b", after="a")],
        [step("a", of("b")), step("b", of("a"))],
        [step("a", after="a")],
    ],
    ids=["depends-on", "references", "itself"],
)
def test_a_circle_is_told(steps):
    [(field, said)] = errors(*steps).items()

    assert field == "payload"
    assert "in a circle: a →" in said


def test_a_payload_with_references_is_checked_where_none_stands():
    payload = METRIC | {"metric_value": of("a.value"), "target": "x"}

    found = errors(step("a"), step("b", task_type="evaluation", payload=payload))

    assert list(found) == ["payload.steps.1.payload.target"]


def test_what_is_missing_beside_a_reference_is_told():
    needy = step("b", task_type="evaluation", payload={"metric_value": of("a.value")})

    assert list(errors(step("a"), needy)) == ["payload.steps.1.payload.eval_type"]


def test_all_errors_are_told_at_once():
    found = errors(step("a", task_type="nope"), step("b", payload={"numbr": 1}))

    assert set(found) == {"payload.steps.0.task_type", "payload.steps.1.payload.numbr"}


def test_references_of_a_workflow_inside_are_its_own():
    inner = {"steps": [step("deep"), step("deeper", of("deep.value"))], "output": of("deeper")}

    assert errors({"name": "inner", "task_type": "workflow", "payload": inner}) == {}


def test_a_workflow_inside_is_checked_as_well():
    inner = {"steps": [step("deep", after="nowhere")]}

    found = errors({"name": "inner", "task_type": "workflow", "payload": inner})

    assert found == {
        "payload.steps.0.payload.steps.0.depends_on": "there is no step 'nowhere' (got 'nowhere')"
    }


def test_five_levels_are_enough():
    def nested(levels):
        if levels == 1:
            return {"steps": [step("deep")]}
        return {"steps": [{"name": "in", "task_type": "workflow", "payload": nested(levels - 1)}]}

    assert errors(*nested(5)["steps"]) == {}
    assert "more than 5 levels" in str(errors(*nested(6)["steps"]))


def test_more_than_a_thousand_steps_are_refused():
    assert "at most 1000 items" in errors(*[step(f"s{n}") for n in range(1001)])["payload.steps"]


def test_the_schema_of_every_type_can_be_told_to_clients():
    assert "steps" in task_types.get("workflow").schema.model_json_schema()["properties"]
