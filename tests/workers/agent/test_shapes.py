"""Schemas come from submitters, answers from models: neither gets to the network or holds a process up."""

import pytest
from pydantic import ValidationError

from tests.tools.site import serving
from tests.workers.agent.turns import payload
from workers.agent import answer_schema


def of(**properties):
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    ("schema", "answer", "said"),
    [
        (of(a={"pattern": "^[a-z]+$"}), {"a": "abc"}, []),
        (of(a={"pattern": "^[a-z]+$"}), {"a": "ABC"}, ["$.a: 'ABC' does not match '^[a-z]+$'"]),
        (of(a={"pattern": "^x"}), {"a": 5}, []),
        (
            of(a={"uniqueItems": True}),
            {"a": [1, {"b": 1, "c": 2}, {"c": 2, "b": 1}]},
            ["$.a: it has equal items"],
        ),
        (of(a={"uniqueItems": True}), {"a": [1, 2, "1"]}, []),
        (of(a={"$ref": "#/$defs/n"}) | {"$defs": {"n": {"type": "integer"}}}, {"a": 1}, []),
        (of(a={"enum": ["x", "y"]}), {"a": "z"}, ["$.a: 'z' is not one of ['x', 'y']"]),
    ],
)
def test_an_answer_is_compared_with_its_shape(schema, answer, said):
    assert answer_schema.find_error(schema) is None
    assert answer_schema.faults(answer, schema) == said


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "array"}, "a JSON schema of an object is expected"),
        ({"type": "objekt"}, "no JSON schema"),
        (of(a={"$ref": "http://127.0.0.1/x"}), "leads out of the schema"),
        (of(a={"$ref": "file:///etc/passwd"}), "leads out of the schema"),
        (of(a={"$ref": "other.json#/x"}), "leads out of the schema"),
        (of(a={"$ref": "#/$defs/none"}), "leads nowhere"),
        (of(a={"pattern": "(?=x)y"}), "cannot be matched in linear time"),
        (of(a={"pattern": "(a{1000}){1000}"}), "cannot be matched in linear time"),
        (of(a={"patternProperties": {"(a+)+$": {}}}), "patternProperties is not taken"),
        (of(a={"unevaluatedProperties": False}), "unevaluatedProperties is not taken"),
        (of(a={"allOf": [{"$dynamicRef": "#x"}]}), "$dynamicRef is not taken"),
        (of(a={"const": "x" * 70_000}), "at most 65536 are taken"),
    ],
)
def test_a_shape_that_could_do_harm_is_refused_with_its_payload(schema, said):
    with pytest.raises(ValidationError) as refused:
        payload(answer_schema=schema)

    assert said in str(refused.value)


def test_a_shape_fetches_nothing_even_if_it_was_let_through():
    with serving() as site:
        schema = {"$ref": site.on("/schema", "{}", content_type="application/json")}

        with pytest.raises(Exception, match=r"Unresolvable|schema"):
            answer_schema.faults({}, schema)

        assert site.asked == []


def doubling(levels):
    """References that ask twice at each level: 2 to the power of `levels` comparisons."""
    inner = {f"l{n}": {"allOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 2} for n in range(levels)}
    return of(a={"$ref": "#/$defs/l0"}) | {"$defs": inner | {f"l{levels}": {"type": "integer"}}}


HARMFUL = {
    "references that multiply": (doubling(60), {"a": 1}),
    "many variants of many items": (
        of(a={"items": {"anyOf": [{"const": n} for n in range(500)]}}),
        {"a": [-1] * 10_000},
    ),
    "a long list of values": (of(a={"items": {"enum": list(range(5_000))}}), {"a": [-1] * 10_000}),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_comparing_has_an_end(name):
    schema, answer = HARMFUL[name]

    assert answer_schema.faults(answer, schema) == [
        "it takes more than 100000 steps to compare with its schema"
    ]


def test_a_pattern_that_backtracks_elsewhere_is_matched_at_once():
    schema = of(a={"pattern": "^(a+)+$"})

    assert len(answer_schema.faults({"a": "a" * 50_000 + "!"}, schema)) == 1


def test_many_items_that_cannot_be_sorted_are_told_apart_at_once():
    schema = of(a={"uniqueItems": True})

    assert answer_schema.faults({"a": [{"n": n} for n in range(50_000)]}, schema) == []


def test_an_answer_that_is_nested_without_end_does_not_fit():
    schema = of(a={"$ref": "#"})
    answer: dict[str, object] = {}
    for _ in range(900):
        answer = {"a": answer}

    assert answer_schema.faults(answer, schema) == ["it is nested too deep"]
