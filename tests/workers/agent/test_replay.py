"""Whatever a model said, the conversation that follows is one that a strict provider accepts."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers import content, replay
from gateway.providers.answer import ModelAnswer, ToolCall
from governance.costs.pricing import NO_USAGE
from governance.tasks import checkpoints
from governance.tasks.checkpoints import Checkpoint
from tests.workers import strict
from tests.workers.agent.turns import answered, failed, payload, returned, turns
from tests.workers.test_models_content import JSON, MESSAGES
from workers.agent import conversation
from workers.checkpoint_store import answer_content

REASONING = ("reasoning", "reasoning_details")
REASONS = st.sampled_from(["stop", "tool_calls", "length", "content_filter", "refusal", None]) | JSON
IDS = st.sampled_from(["", "call_0", "x" * 60, "a b", 7, None])
NAMES = st.sampled_from(["look", "look.up", "fly away!", "", "n" * 90, None, "ü"])
ARGUMENTS = st.sampled_from(
    ["{}", "", "null", "[1]", '"text"', "{", '{"a": "\\u0000"}', None, {"a": 1}, [1], 7]
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {"id": IDS, "function": st.fixed_dictionaries({"name": NAMES, "arguments": ARGUMENTS}) | JSON}
    )
    | JSON,
    min_size=1,
    max_size=4,
)
ANSWERS = st.lists(st.tuples(MESSAGES | st.fixed_dictionaries({"tool_calls": CALLS}), REASONS), max_size=5)
RESULTS = st.one_of(
    st.builds(lambda text: {"error": text}, st.text()), st.builds(lambda v: {"value": v}, JSON)
)


def stored(content):
    """As whoever goes on reads it."""
    return orjson.loads(checkpoints.storable(content))


def answer(message, reason):
    found = content.read({"message": message, "finish_reason": reason})
    return ModelAnswer(
        text=found.text,
        tool_calls=found.tool_calls,
        model="some-model",
        usage=NO_USAGE,
        cost_usd=None,
        finish_reason=found.finish_reason,
        request_id="gen-1",
        message=replay.assistant(found.text or found.refusal, found.tool_calls, said=found.message),
        refusal=found.refusal,
        said=found.message,
    )


def messages(*done):
    return conversation.messages(payload(), turns(*done), worker_id="EXECUTOR", instructions="")


def step(turn, call, kind, said):
    return Checkpoint(turn=turn, call=call, kind=kind, content=stored(said))


@given(ANSWERS, st.data())
def test_a_strict_provider_accepts_it_whatever_was_said(answers, data):
    done = []
    for number, (message, reason) in enumerate(answers, 1):
        said = answer_content(answer(message, reason), tool_names={"look": "look"})
        done.append(step(number, 0, "answer", said))
        [turn] = turns(done[-1])
        done += [step(number, place, "result", data.draw(RESULTS)) for place, _ in turn.missing]

    said = messages(*done)

    assert strict.refusals(said, also=REASONING) == []
    assert strict.refusals([replay.without_reasoning(message) for message in said]) == []
    assert messages(*done) == said


@given(ANSWERS)
def test_what_was_said_is_kept_as_it_was(answers):
    for message, reason in answers:
        kept = stored(answer_content(answer(message, reason), tool_names={}))

        assert kept["message"] == stored(message or answer(message, reason).message)
        assert ModelAnswer.model_validate(answer(message, reason).model_dump(mode="json"))


def test_ids_are_unique_in_the_conversation_and_answers_keep_to_them():
    steps_ = []
    for turn in (1, 2, 3):
        asked = answered(turn, "", ("look", "{}"), ("look", "{}"))
        calls = [call | {"id": "call_0"} for call in asked.content["tool_calls"]]
        steps_ += [
            Checkpoint(turn=turn, call=0, kind="answer", content=asked.content | {"tool_calls": calls}),
            returned(turn, 1, f"first {turn}"),
            returned(turn, 2, f"second {turn}"),
        ]

    said = messages(*steps_)

    assert strict.refusals(said) == []
    assert said[2]["tool_calls"][0]["id"] == "call_0"
    results = {one["tool_call_id"]: one["content"] for one in said if one["role"] == "tool"}
    assert results[said[4 + 1]["tool_calls"][1]["id"]] == "second 2"


def test_an_id_that_was_made_for_a_call_may_be_that_of_another_call():
    made = replay.short_id("1 1")
    ids = replay.Ids()

    first, second = ids.of("", instead=made), ids.of(made, instead=replay.short_id("2 1"))

    assert first == made
    assert second != made


def old_turn(turn, name, arguments, call_id, message):
    """An answer as it was stored before conversations were normalised."""
    call = {"id": call_id, "name": name, "arguments": arguments}
    facts = {"text": "", "tool_calls": [call], "message": message, "model": "some-model"}
    return Checkpoint(turn=turn, call=0, kind="answer", content=facts | {"finish_reason": "tool_calls"})


def test_a_conversation_that_was_stored_before_goes_on():
    raw = {"id": "x" * 90, "type": "function", "function": {"name": "fly away", "arguments": "[1]"}}
    message = {"role": "assistant", "content": None, "tool_calls": [raw], "reasoning": "Hm."}
    parts = [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Seven."}]
    text = {"text": "", "tool_calls": [], "message": {"role": "assistant", "content": parts}, "model": "m"}
    done = [
        old_turn(1, "fly away", "[1]", "x" * 90, message),
        failed(1, 1, "no tool 'fly away' is offered"),
        old_turn(2, "count_ask", '{"of": "x"}', "call_2_1", message),
        returned(2, 1, ""),
        Checkpoint(turn=3, call=0, kind="answer", content=text | {"finish_reason": "stop"}),
    ]

    said = messages(*done)

    assert strict.refusals(said, also=REASONING) == []
    assert said[4]["tool_calls"][0]["id"] == "call_2_1"
    assert said[4]["reasoning"] == "Hm."
    *_, last = turns(*done)
    assert conversation.read_answer(last, None) == ("Seven.", "")
    assert [call.tool for call in turns(*done)[1].wanted] == [None]


def test_an_answer_that_a_filter_ended_calls_nothing():
    call = ToolCall(id="call_1", name="look", arguments='{"a": "ha')
    whole = answer({"content": "I will"}, "content_filter").model_copy(update={"tool_calls": [call]})
    [turn] = turns(step(1, 0, "answer", answer_content(whole, tool_names={"look": "look"})))

    assert turn.wanted == []
    assert turn.unanswered == "content_filter"


def test_an_answer_that_is_too_long_is_kept_without_what_nobody_sends_again(monkeypatch):
    monkeypatch.setattr(checkpoints, "MAX_BYTES", 2_000)
    said = answer({"content": "Seven.", "images": ["x" * 5_000]}, "stop")

    kept = answer_content(said, tool_names={})

    assert (kept["text"], kept["message"]) == ("Seven.", {"role": "assistant", "content": "Seven."})
