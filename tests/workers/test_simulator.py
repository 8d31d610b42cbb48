"""The simulated provider on the wire: what it answers, how it fails, what it says that it received."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import openai
import orjson
import pytest

from tests.workers.provider import USER, Provider

TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {
            "type": "object",
            "properties": {"key": {"type": "string"}, "count": {"type": "integer", "minimum": 3}},
            "required": ["key", "count"],
        },
    },
}
SCHEMA = {
    "type": "object",
    "required": ["verdict", "scores"],
    "properties": {
        "verdict": {"enum": ["yes", "no"]},
        "scores": {"type": "array", "items": {"$ref": "#/$defs/score"}, "minItems": 2},
    },
    "$defs": {"score": {"type": "number", "minimum": 0.5}},
}


def client(provider: Provider) -> openai.OpenAI:
    return openai.OpenAI(base_url=provider.url, api_key="a-key", max_retries=0)


def test_an_answer_has_the_usage_that_openrouter_sends(provider):
    answer = provider.chat([{"role": "user", "content": "[sim:echo] Good morning"}]).json()

    assert answer["choices"][0]["message"]["content"] == "[sim:echo] Good morning"
    assert answer["usage"]["cost"] > 0
    assert answer["usage"]["prompt_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
    assert answer["usage"]["completion_tokens_details"] == {"reasoning_tokens": 0}


def test_a_conversation_is_cached_and_a_model_that_reasons_says_so(provider):
    said = [*USER, {"role": "assistant", "content": "Well."}, *USER]

    usage = provider.chat(said, reasoning_effort="high").json()["usage"]

    assert 0 < usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]


def test_a_stream_says_the_same_as_the_whole_answer(provider):
    whole = provider.chat().json()
    with client(provider) as asking:
        asked: Any = {"model": "openai/gpt-5-mini", "messages": USER, "stream": True}
        chunks: list[Any] = list(asking.chat.completions.create(**asked))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole["choices"][0]["message"]["content"]
    assert chunks[-1].usage.cost == whole["usage"]["cost"]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_an_agent_of_three_steps_calls_tools_twice_and_then_answers_in_the_asked_shape(provider):
    messages = [{"role": "user", "content": "[sim:agent-3-steps] Find out"}]
    shape = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
    reasons = []
    for _ in range(3):
        choice = provider.chat(messages, tools=[TOOL], response_format=shape).json()["choices"][0]
        reasons.append(choice["finish_reason"])
        messages.append(choice["message"])
        for call in choice["message"].get("tool_calls", []):
            arguments = orjson.loads(call["function"]["arguments"])
            assert arguments["count"] == 3
            assert isinstance(arguments["key"], str)
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": "found"})

    assert reasons == ["tool_calls", "tool_calls", "stop"]
    assert orjson.loads(choice["message"]["content"]) == {"verdict": "yes", "scores": [0.5, 0.5]}


def test_the_calls_of_a_turn_have_the_same_ids_whenever_it_is_asked(provider):
    messages = [{"role": "user", "content": "[sim:agent-4-steps-by-2] Find out"}]

    first, again = (
        [
            call["id"]
            for call in provider.chat(messages, tools=[TOOL]).json()["choices"][0]["message"]["tool_calls"]
        ]
        for _ in range(2)
    )

    assert first == again
    assert len(set(first)) == 2


def test_an_answer_ends_at_max_tokens(provider):
    choice = provider.chat(max_tokens=3).json()

    assert choice["choices"][0]["finish_reason"] == "length"
    assert choice["usage"]["completion_tokens"] <= 3


def test_a_script_answers_by_text_and_turn_and_as_often_as_it_says(provider):
    provider.tell(
        script=[
            {
                "contains": "weather",
                "turn": 0,
                "times": 1,
                "tool_calls": [{"name": "look", "arguments": "{oops"}],
            },
            {
                "contains": "weather",
                "json_answer": {"sky": "blue"},
                "cost_usd": 0,
                "served_by": "other/model",
            },
        ]
    )
    weather = [{"role": "user", "content": "What is the weather?"}]

    first, second = (provider.chat(weather).json() for _ in range(2))

    assert first["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{oops"
    assert second["choices"][0]["message"]["content"] == '{"sky":"blue"}'
    assert (second["model"], second["usage"]["cost"]) == ("other/model", 0)


def test_faults_come_by_call_number_and_end_by_themselves(provider):
    provider.tell(faults=[{"status": 503, "retry_after": 2, "from_call": 2, "until_call": 3}])

    answers = [provider.chat() for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["retry-after"] == "2"
    assert answers[1].json()["error"]["code"] == 503


def test_faults_by_rate_are_the_same_for_the_same_seed(provider):
    def run() -> list[int]:
        provider.tell(faults=[{"status": 500, "rate": 0.5}])
        return [provider.chat().status_code for _ in range(20)]

    first = run()

    assert first == run()
    assert set(first) == {200, 500}


def test_a_fault_concerns_the_model_that_it_names(provider):
    provider.tell(faults=[{"status": 404, "model": "google/*"}])

    assert provider.chat(model="google/gemini-2.5-flash").status_code == 404
    assert provider.chat().status_code == 200


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_a_connection_breaks(provider, kind):
    provider.tell(faults=[{"kind": kind}])

    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        provider.chat()


def test_a_stream_is_cut_in_the_middle(provider):
    provider.tell(faults=[{"kind": "cut"}])
    pieces: list[str] = []
    asked = {"model": "m", "messages": USER, "stream": True}
    headers = {"Authorization": "Bearer a-key"}

    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream("POST", f"{provider.url}/chat/completions", json=asked, headers=headers) as answer,
    ):
        pieces.extend(answer.iter_text())

    assert "content" in "".join(pieces)
    assert "[DONE]" not in "".join(pieces)


def test_a_hanging_call_hangs_until_the_client_leaves(provider):
    provider.tell(faults=[{"kind": "hang", "times": 1}])

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{provider.url}/chat/completions",
            json={"model": "m", "messages": USER},
            headers={"Authorization": "Bearer a-key"},
            timeout=0.2,
        )
    assert provider.chat().status_code == 200


def test_without_a_key_or_a_sensible_body_it_says_no(provider):
    bare = httpx.post(f"{provider.url}/chat/completions", json={"model": "m", "messages": USER})

    assert bare.status_code == 401
    assert provider.chat([]).status_code == 400
    assert provider.chat(model=7).json()["error"]["message"] == "model: expected text"


def test_an_unknown_fault_is_refused_by_name_and_changes_nothing(provider):
    answer = provider.tell(faults=[{"kind": "earthquake"}])

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("faults.0.kind: ")
    assert provider.chat().status_code == 200


def test_what_it_received_is_on_record_without_the_key(provider):
    provider.tell(faults=[{"status": 429, "from_call": 2}])
    provider.chat(temperature=0.25)
    provider.chat()

    first, second = provider.received()
    assert (first["answered"], second["answered"]) == ("answer", "status")
    assert first["body"]["temperature"] == 0.25
    assert "a-key" not in str(first)


def test_it_keeps_its_log_in_a_file_and_takes_its_plan_from_one(tmp_path: Path):
    plan, log = tmp_path / "plan.json", tmp_path / "log.jsonl"
    plan.write_bytes(orjson.dumps({"faults": [{"status": 402}]}))
    folder = tmp_path / "program"
    folder.mkdir()
    other = Provider(folder, "--scenario", str(plan), "--log", str(log))

    assert other.chat().status_code == 402
    other.end()

    [line] = log.read_bytes().splitlines()
    assert orjson.loads(line)["body"]["model"] == "openai/gpt-5-mini"


def test_two_hundred_slow_calls_are_served_at_once(provider):
    provider.tell(latency={"seconds": 3.0})

    async def ask_all() -> list[int]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(limits=limits, timeout=60) as asking:
            calls = [
                asking.post(
                    f"{provider.url}/chat/completions",
                    json={"model": "m", "messages": USER},
                    headers={"Authorization": "Bearer a-key"},
                )
                for _ in range(200)
            ]
            return [answer.status_code for answer in await asyncio.gather(*calls)]

    assert asyncio.run(ask_all()) == [200] * 200
    assert provider.most_at_once() == 200


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        (["--scenario", "no-such-thing"], "no scenario 'no-such-thing': expected a JSON file or one of calm"),
        (["--port", "70000"], "expected 0 to 65535"),
    ],
)
def test_a_wrong_argument_is_one_line(argument, said, capfd):
    from django.core.management import CommandError, call_command

    with pytest.raises(CommandError, match=said):
        call_command("simulate_provider", *argument)
