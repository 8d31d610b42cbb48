"""The content of an answer is read in every form that providers give it."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers import content, replay
from gateway.providers.answer import Unanswered, arguments_of, why_unanswered
from tests.workers import strict

WORDS = st.text(max_size=8) | st.sampled_from(["text", "refusal", "thinking", "content_filter", "\x00"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "id", "function", "name", "arguments", "refusal"]) | WORDS,
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = ["content", "tool_calls", "function_call", "refusal", "reasoning", "reasoning_details", "role"]
MESSAGES = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5)


def read(finish_reason="stop", **message):
    return content.read({"message": message, "finish_reason": finish_reason})


def part(text, kind="text"):
    return {"type": kind, "text": text}


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("Fine.", "Fine."),
        (None, ""),
        ([part("Fi"), part("ne.")], "Fine."),
        ([{"type": "thinking", "thinking": [part("Hm.")]}, part("Fine.")], "Fine."),
        ([{"type": "reasoning", "text": "Hm."}, part("Fine.", "output_text")], "Fine."),
        (["Fi", "ne."], "Fine."),
        ([{"text": "Fine."}], "Fine."),
        (part("Fine."), "Fine."),
        ([{"type": "text", "text": {"value": "Fine.", "annotations": []}}], "Fine."),
        ([{"type": "image_url", "image_url": {"url": "x"}}, None, 7, part("Fine.")], "Fine."),
        ([], ""),
        (7, ""),
        ("x\ud800y\x00z", "x\ufffdy\ufffdz"),
    ],
)
def test_text_is_read_also_in_parts(said, text):
    assert read(content=said).text == text


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "refusal": "I cannot."},
        {"content": [{"type": "refusal", "refusal": "I cannot."}]},
        {"content": {"type": "refusal", "text": "I cannot."}},
    ],
)
def test_a_refusal_is_read_in_its_field_and_as_a_part(message):
    found = read(**message)

    assert (found.refusal, found.text) == ("I cannot.", "")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("content_filter", "content_filter"),
        ("content_filter: PROHIBITED_CONTENT", "content_filter"),
        ("SAFETY", "content_filter"),
        ("refusal", "refusal"),
        ("model_context_window_exceeded", "context_overflow"),
        ("function_call", "tool_calls"),
        (None, ""),
        (["stop"], ""),
        ("x" * 1_000, "x" * 100),
    ],
)
def test_a_finish_reason_has_its_usual_name(said, name):
    assert read(said, content="x").finish_reason == name


def call(name="look", arguments="{}", **more):
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}} | more


@pytest.mark.parametrize(
    ("message", "called"),
    [
        ({"tool_calls": [call(arguments={"a": 1})]}, [("look", '{"a":1}')]),
        ({"tool_calls": [call(arguments={"a": "\ud800"})]}, [("look", '{"a":"\ufffd"}')]),
        ({"tool_calls": [call(arguments=None)]}, [("look", "")]),
        ({"tool_calls": [call(arguments=[1])]}, [("look", "[1]")]),
        ({"tool_calls": call()}, [("look", "{}")]),
        ({"tool_calls": ["look", None, call(function="look")]}, [("", "")] * 3),
        ({"tool_calls": "look()"}, [("", "")]),
        ({"tool_calls": 7}, [("", "")]),
        ({"tool_calls": []}, []),
        ({"tool_calls": None, "function_call": {"name": "look", "arguments": "{}"}}, [("look", "{}")]),
        ({"tool_calls": [call("sea")], "function_call": {"name": "look"}}, [("sea", "{}")]),
        ({"function_call": "auto"}, [("", "")]),
        ({"tool_calls": [call(name=["look"])]}, [("", "{}")]),
    ],
)
def test_every_call_counts_whatever_its_form(message, called):
    assert [(one.name, one.arguments) for one in read(**message).tool_calls] == called


@pytest.mark.parametrize("given_id", ["", None, 7, "x" * 41, "a b", "functions.look:0", "ü"])
def test_an_id_that_providers_refuse_is_replaced(given_id):
    ids = [one.id for one in read(tool_calls=[call(id=given_id), call(id=given_id)]).tool_calls]

    assert len(set(ids)) == 2
    assert all(replay.ID.fullmatch(one) for one in ids)


@given(MESSAGES, JSON)
def test_no_message_makes_it_raise_and_each_can_be_replayed(message, reason):
    found = content.read({"message": message, "finish_reason": reason})

    replayed = replay.assistant(found.text or found.refusal, found.tool_calls, said=found.message)
    answers = [
        {"role": "tool", "tool_call_id": one["id"], "content": "x"} for one in replayed.get("tool_calls", [])
    ]
    assert strict.refusals([replayed, *answers], also=("reasoning", "reasoning_details")) == []
    assert strict.refusals([replay.without_reasoning(replayed), *answers]) == []
    assert found.message is message
    orjson.dumps([found.text, found.refusal, [one.model_dump() for one in found.tool_calls]])


@pytest.mark.parametrize("text", ["", "  ", "null", "{}", " {} "])
def test_nothing_is_no_arguments(text):
    assert arguments_of(text) == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[1]", "a JSON array; a JSON object is expected"),
        ('"{}"', "a JSON text"),
        ("7", "a number"),
        ("1.5", "a number"),
        ("true", "true or false"),
        ("{", "not JSON"),
        ("look", "not JSON"),
        ("{'a': 1}", "not JSON"),
        ('{"a": ' + "[" * 200 + "]" * 200 + "}", "nested more than 100 levels deep"),
    ],
)
def test_arguments_that_are_no_object_are_refused_in_words(text, wrong):
    with pytest.raises(ValueError, match=wrong):
        arguments_of(text)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"text": "Fine."}, None),
        ({"refusal": "No."}, Unanswered.REFUSAL),
        ({"finish_reason": "refusal", "text": "I would rather not."}, Unanswered.REFUSAL),
        ({"refusal": "No.", "has_calls": True}, None),
        ({"text": "Half of", "finish_reason": "content_filter"}, Unanswered.CONTENT_FILTER),
        ({"has_calls": True, "finish_reason": "content_filter"}, Unanswered.CONTENT_FILTER),
        ({"finish_reason": "context_overflow", "text": "Half of"}, Unanswered.CONTEXT_OVERFLOW),
        ({"finish_reason": "length"}, Unanswered.MAX_TOKENS),
        ({"finish_reason": "length", "text": "Half of"}, None),
        ({"finish_reason": "length", "has_calls": True}, None),
        ({"finish_reason": "stop"}, None),
    ],
)
def test_an_answer_that_is_none_has_a_reason(facts, reason):
    whole = {"text": "", "has_calls": False, "finish_reason": "stop", "refusal": ""} | facts

    assert why_unanswered(**whole) == reason
