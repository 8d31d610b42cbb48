"""Answers as models give them on a bad day: each is answered, or ends the agent with a reason of its own."""

import json

import pytest

from governance.models import TaskStep
from governance.tasks.checkpoints import storable
from reliability.failures import PermanentFailure
from tests.workers import strict
from tests.workers.agent.counting import asked_of, calling, kept, made, says, text, work
from tests.workers.models import FIRST, SECOND, ledger

pytestmark = pytest.mark.usefixtures("counting_tools")


def odd_call(**function):
    """A call with these facts; `id` is the call's."""
    given_id = function.pop("id", "call_1")
    facts = {"name": "count_ask", "arguments": '{"of": "x"}'} | function
    return {"id": given_id, "type": "function", "function": facts}


def message(**fields):
    return {"message": fields}


ODD_TURNS = {
    "no objects": message(tool_calls=["count_ask", 7, None]),
    "no list": message(tool_calls="count_ask()"),
    "function is text": message(tool_calls=[{"id": "a", "function": "count_ask"}]),
    "a name that is none": message(tool_calls=[odd_call(name="fly away!" * 40)]),
    "a name with a NUL": message(tool_calls=[odd_call(name="count\x00ask")]),
    "no name": message(tool_calls=[odd_call(name=None)]),
    "arguments are an array": message(tool_calls=[odd_call(arguments="[1]")]),
    "arguments are text": message(tool_calls=[odd_call(arguments='"sheep"')]),
    "arguments are half": message(tool_calls=[odd_call(arguments='{"of": "sh')]),
    "arguments have a NUL": message(
        tool_calls=[odd_call(arguments='{"of": "a\\u0000b", "fails": "permanent"}')]
    ),
    "a long id": message(tool_calls=[odd_call(id="x" * 90), odd_call(id="x" * 90)]),
    "one id": message(tool_calls=[odd_call(), odd_call(), odd_call(id=7)]),
    "one good among bad ones": message(tool_calls=[odd_call(), None, odd_call(name="")]),
    "fields that nobody else knows": message(content="Hm.", reasoning="Hm.", reasoning_details=[{"a": 1}]),
    "parts of a thought": message(content=[{"type": "thinking", "thinking": "Hm."}], tool_calls=[]),
    "nothing": message(content=""),
}


@pytest.mark.parametrize("name", ODD_TURNS)
def test_an_odd_turn_is_answered_and_the_agent_goes_on(name, context, provider):
    schema = {"type": "object", "required": ["count"]}
    says(provider, ODD_TURNS[name], ODD_TURNS[name], text('{"count": 7}'))

    assert work(context, answer_schema=schema, limits={"identical_calls": 9}).answer == {"count": 7}

    assert [strict.refusals(messages) for messages in asked_of(provider)] == [[], [], []]
    said = ODD_TURNS[name]["message"]
    assert kept(context)[0][2]["message"].items() >= json.loads(storable(said)).items()


def test_several_calls_that_are_none_are_not_taken_for_a_circle(context, provider):
    says(provider, ODD_TURNS["no objects"], text("Seven."))

    assert work(context).answer == "Seven."


def test_content_in_parts_is_an_answer(context, provider):
    parts = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "text", "text": "Sev"},
        {"type": "text", "text": "en."},
    ]
    says(provider, message(content=parts))

    assert work(context).answer == "Seven."
    assert len(provider.received()) == 1


def test_arguments_that_are_an_object_are_arguments(context, provider):
    says(provider, message(tool_calls=[odd_call(arguments={"of": "sheep"})]), text("One."))

    work(context)

    assert made == ["sheep"]


def test_a_call_in_the_words_of_the_old_api_is_one(context, provider):
    called = {"name": "count_ask", "arguments": '{"of": "sheep"}'}
    says(
        provider,
        message(content=None, function_call=called) | {"finish_reason": "function_call"},
        text("One."),
    )

    assert work(context).answer == "One."

    assert made == ["sheep"]
    *_, last = asked_of(provider)
    assert last[-1]["content"] == '{"of":"sheep","count":1}'
    assert strict.refusals(last) == []


NO_ANSWERS = {
    "refusal": (
        message(content=None, refusal="I cannot help with that."),
        "the model declined: I cannot help",
    ),
    "content_filter": (text("Seven is") | {"finish_reason": "content_filter"}, "content filter ended"),
    "context_overflow": (text("Seven") | {"finish_reason": "model_context_window_exceeded"}, "does not fit"),
    "max_tokens": (message(content="", reasoning="Hm.") | {"finish_reason": "length"}, "used all its tokens"),
}


@pytest.mark.parametrize("reason", NO_ANSWERS)
def test_an_answer_that_is_none_is_paid_once_and_stops_it(reason, context, provider):
    line, says_so = NO_ANSWERS[reason]
    says(provider, line, text("Seven."))

    with pytest.raises(
        PermanentFailure, match=rf"^agent stopped without an answer \({reason}\): .*{says_so}"
    ):
        work(context)

    assert (len(provider.received()), len(ledger())) == (1, 1)
    [stop] = TaskStep.objects.filter(task_id=context.task_id, kind="stop")
    assert stop.content["reason"] == reason
    assert work(context).answer == "Seven."  # who retries it asks again
    assert strict.refusals(asked_of(provider)[-1]) == []


def test_calls_of_an_answer_that_a_filter_ended_are_not_made(context, provider):
    says(provider, calling("count_ask", of="x") | {"finish_reason": "content_filter"}, text("Seven."))

    with pytest.raises(PermanentFailure, match=r"\(content_filter\)"):
        work(context)

    assert work(context).answer == "Seven."
    assert made == []


def test_a_conversation_that_is_too_long_for_the_model_stops_it_and_costs_nothing(context, provider):
    overflow = {"status": 400, "message": "prompt is too long: 214850 tokens > 200000 maximum"}
    says(provider, calling("count_ask", of="x"), text("Seven."))
    provider.tell(faults=[overflow | {"from_call": 2, "until_call": 3}])

    for _ in range(2):
        with pytest.raises(PermanentFailure, match=r"\(context_overflow\): .*prompt is too long"):
            work(context)

    assert len(ledger()) == 1
    stops = TaskStep.objects.filter(task_id=context.task_id, kind="stop").order_by("turn")
    assert [stop.turn for stop in stops] == [2, 3]
    assert work(context).answer == "Seven."


def test_a_model_with_more_room_is_asked_where_the_first_has_too_little(context, provider):
    fault = {"status": 400, "message": "maximum context length is 8192 tokens", "model": FIRST}
    provider.tell(faults=[fault])
    says(provider, text("Seven."))

    assert work(context, models=[FIRST, SECOND]).answer == "Seven."


def test_a_question_that_a_filter_stopped_stops_it(context, provider):
    provider.tell(faults=[{"status": 400, "message": "The prompt triggered our content management policy"}])

    with pytest.raises(PermanentFailure, match=r"\(content_filter\): .*content management policy"):
        work(context)


def test_reasoning_goes_back_to_openrouter_alone(context, provider, settings):
    says(provider, calling("count_ask", of="x") | message(reasoning="Hm."), text("Seven."))

    work(context)

    assert "reasoning" not in asked_of(provider)[-1][2]
    assert kept(context)[0][2]["message"]["reasoning"] == "Hm."
