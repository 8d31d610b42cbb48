"""The conversation is made from the payload and the steps, and from nothing else."""

import pytest

from tests.workers.agent.turns import answered, failed, payload, returned, stopped, turns
from workers.agent import conversation

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def messages(asked, *steps, instructions=""):
    return conversation.messages(asked, turns(*steps), worker_id="EXECUTOR", instructions=instructions)


def test_it_begins_with_who_asks_for_what():
    system, user = messages(payload(prompt="Count.", context={"of": "sheep"}), instructions="Be kind.")

    assert system["role"] == "system"
    assert system["content"].startswith("You are EXECUTOR")
    assert system["content"].endswith("Be kind.")
    assert "plain text" in system["content"]
    assert user == {"role": "user", "content": 'Count.\n\nContext, as JSON:\n{\n  "of": "sheep"\n}'}


def test_the_shape_of_the_answer_is_told():
    system, _ = messages(payload(answer_schema=SCHEMA))

    assert '"required":["n"]' in system["content"]


def test_calls_and_results_follow_one_another_in_the_order_of_the_calls():
    said = messages(
        payload(),
        answered(1, "let me see", ("http_request", '{"url": "a"}'), ("files_read", "{}")),
        failed(1, 2, "no such file"),
        returned(1, 1, {"status": 200}),
    )[2:]

    assert said == [
        {
            "role": "assistant",
            "content": "let me see",
            "tool_calls": [
                {
                    "id": "id-1-1",
                    "type": "function",
                    "function": {"name": "http_request", "arguments": '{"url": "a"}'},
                },
                {"id": "id-1-2", "type": "function", "function": {"name": "files_read", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "id-1-1", "content": '{"status":200}'},
        {"role": "tool", "tool_call_id": "id-1-2", "content": "error: no such file"},
    ]


def test_arguments_that_are_no_json_are_not_sent_to_the_provider_again():
    said = messages(
        payload(), answered(1, "", ("a", '{"half": ')), failed(1, 1, "the arguments are not JSON")
    )

    assert said[2]["tool_calls"][0]["function"]["arguments"] == "{}"
    assert said[3]["content"] == "error: the arguments are not JSON"


def test_an_answer_that_does_not_fit_is_sent_back_with_what_is_wrong():
    *_, answer, repair = messages(payload(answer_schema=SCHEMA), answered(1, '{"n": "one"}'))

    assert answer == {"role": "assistant", "content": '{"n": "one"}'}
    assert repair["role"] == "user"
    assert "$.n: 'one' is not of type 'integer'" in repair["content"]


def test_a_stop_says_nothing_to_the_model():
    steps = [answered(1, "", ("a", "{}")), returned(1, 1, 1)]

    assert messages(payload(), *steps, stopped(1)) == messages(payload(), *steps)


def test_what_is_missing_is_known_by_its_place():
    [turn] = turns(answered(1, "", ("a", "{}"), ("b", "{}"), ("c", "{}")), returned(1, 2, "done"))

    assert [(place, call.name) for place, call in turn.missing] == [(1, "a"), (3, "c")]


def read(text, schema):
    [turn] = turns(answered(1, text))
    return conversation.read_answer(turn, schema)


@pytest.mark.parametrize(
    "text", ['{"n": 1}', ' {"n": 1}\n', '```json\n{"n": 1}\n```', '```\n{"n": 1}```'], ids=repr
)
def test_json_is_read_as_models_write_it(text):
    assert read(text, SCHEMA) == ({"n": 1}, "")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("one", "not JSON"),
        ('{"n": 1', "not JSON"),
        ("[1]", "is not of type 'object'"),
        ("{}", "'n' is a required property"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(text, wrong):
    assert wrong in read(text, SCHEMA)[1]


def test_without_a_schema_any_text_is_an_answer_but_none_is_not():
    assert read("forty-two", None) == ("forty-two", "")
    assert read(" \n", None)[1] == "the answer is empty"
