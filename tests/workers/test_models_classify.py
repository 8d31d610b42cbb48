"""What an answer means, where the wire would be a detour: times, odd bodies, text of others."""

from datetime import UTC, datetime

import orjson
import pytest

from gateway.providers import classification
from gateway.providers.classification import NoResponse, Reply, TaskEffect
from reliability.calls.types import Money

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
GOOD = {"choices": [{"message": {"role": "assistant", "content": "Fine."}}]}


def judge(status=200, document=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    body = orjson.dumps(document)
    return classification.of_reply(Reply(status, named, body), classification.read(body), now=NOW)


def error(**facts):
    return {"error": facts}


def test_an_answer_with_a_message_is_none_of_this():
    assert judge(document=GOOD) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12),
        ("0.5", 0.5),
        ("Sun, 01 Mar 2026 12:01:30 GMT", 90),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("-3", None),
        ("1e30", 7 * 86_400),
        ("nan", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_says_how_long_or_when(text, seconds):
    verdict = judge(429, retry_after=text)

    assert verdict.wait_seconds == verdict.model.wait_seconds == seconds


@pytest.mark.parametrize(
    ("resets_at", "seconds"),
    [
        ("2026-03-01T13:00:00Z", 3600),
        ("2026-03-01T12:00:10", 10),
        ("2026-02-01T00:00:00Z", 0),
        ("never", None),
    ],
)
def test_a_quota_lasts_until_it_is_renewed(resets_at, seconds):
    document = error(code=403, metadata={"limit_source": "openrouter_key_limit", "resets_at": resets_at})

    verdict = judge(403, document)

    assert (verdict.service.kind, verdict.service.wait_seconds, verdict.task) == (
        "quota",
        seconds,
        TaskEffect.IS_PARKED,
    )


@pytest.mark.parametrize("status", [402, 403])
def test_the_field_decides_which_limit_it_is_not_the_status(status):
    document = error(metadata={"limit_source": classification.IN_FLIGHT})

    verdict = judge(status, document)

    assert (verdict.service.kind, verdict.model.kind, verdict.task) == (
        "not_counted",
        "not_counted",
        TaskEffect.WAITS,
    )
    assert verdict.wait_seconds == 5


def test_a_quota_that_is_said_with_429_is_one():
    verdict = judge(429, error(code="insufficient_quota", message="You exceeded your current quota"))

    assert (verdict.service.kind, verdict.elsewhere) == ("quota", False)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {"choices": None},
        {"choices": {}},
        {"choices": [None]},
        {"choices": [{"message": None}]},
    ],
)
def test_a_200_that_says_nothing_is_a_failure_and_may_have_cost(document):
    verdict = judge(document=document)

    assert (verdict.service.kind, verdict.money, verdict.task) == (
        "failure",
        Money.UNKNOWN,
        TaskEffect.RETRIES,
    )


@pytest.mark.parametrize(
    ("document", "of_service", "of_model"),
    [
        (error(code=503, message="x"), "failure", "failure"),
        (error(code="server_error", message="x"), "failure", "failure"),
        (error(message="x"), "failure", "failure"),
        ({"error": "plain text"}, "failure", "failure"),
        (error(code=429), "not_counted", "rate_limited"),
        (error(code=401), "auth", "not_counted"),
        (error(code=402), "quota", "not_counted"),
        (error(code=400), "not_counted", "not_counted"),
        (error(code=200), "failure", "failure"),
        ({"choices": [{"message": {"content": "half"}, "error": {"code": 502}}]}, "failure", "failure"),
    ],
)
def test_an_error_in_a_200_counts_by_its_code_and_the_task_tries_again(document, of_service, of_model):
    verdict = judge(document=document)

    assert (verdict.service.kind, verdict.model.kind) == (of_service, of_model)
    assert (verdict.money, verdict.task) == (Money.UNKNOWN, TaskEffect.RETRIES)


@pytest.mark.parametrize("status", [201, 204, 206])
def test_an_unheard_of_success_is_none(status):
    assert judge(status, GOOD).task is TaskEffect.RETRIES


@pytest.mark.parametrize("status", [300, 307, 400, 404, 409, 413, 418, 422, 451])
def test_what_lies_with_us_is_not_counted(status):
    verdict = judge(status)

    assert (verdict.service.kind, verdict.model.kind) == ("not_counted", "not_counted")
    assert (verdict.money, verdict.task) == (Money.RELEASED, TaskEffect.FAILS)


def test_what_they_say_is_one_short_line_without_secrets():
    said = judge(400, error(message="bad key sk-abcdefghijklmnop0123\n" + "x" * 5000)).said

    assert "sk-abcdefghijklmnop0123" not in said
    assert "\n" not in said
    assert len(said) < 400


@pytest.mark.parametrize(
    ("silence", "money", "of_model", "elsewhere"),
    [
        (NoResponse.NOT_SENT, Money.RELEASED, "not_counted", False),
        (NoResponse.BROKEN, Money.UNKNOWN, "failure", True),
    ],
)
def test_silence_costs_only_what_was_sent(silence, money, of_model, elsewhere):
    verdict = classification.of_silence(silence)

    assert (verdict.money, verdict.model.kind, verdict.elsewhere) == (money, of_model, elsewhere)
    assert verdict.service.kind == "failure"


def test_a_body_without_end_is_not_read():
    assert classification.read(b"[" + b" " * 9_000_000 + b"]") is None


OVERFLOWS = [
    {"code": "context_length_exceeded", "message": "too long"},
    {
        "code": 400,
        "message": "This endpoint's maximum context length is 8192 tokens. However, you requested 9000",
    },
    {"type": "invalid_request_error", "message": "prompt is too long: 214850 tokens > 200000 maximum"},
    {"message": "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."},
    {"type": "exceed_context_size_error", "message": "request (5000 tokens) exceeds the available size"},
    {"message": "Input is too long for requested model."},
    {"message": "Provider returned error", "metadata": {"raw": '{"error": "prompt is too long"}'}},
]


@pytest.mark.parametrize("document", OVERFLOWS)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_context_overflow_is_known_and_another_model_may_have_room(document, status):
    verdict = judge(status, {"error": document})

    assert (verdict.unanswered, verdict.elsewhere, verdict.task) == (
        "context_overflow",
        True,
        TaskEffect.FAILS,
    )
    assert verdict.money is Money.RELEASED


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (400, {"code": "content_filter", "message": "The response was filtered"}),
        (400, {"code": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}),
        (403, {"code": 403, "message": "Your chosen model requires moderation and your input was flagged"}),
    ],
)
def test_a_question_that_a_filter_stopped_is_known(status, document):
    assert judge(status, {"error": document}).unanswered == "content_filter"


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (400, {"message": "temperature is too high"}),
        (400, {"message": "Invalid 'messages[2].tool_calls[0].id': string too long. Expected at most 40"}),
        (413, {"message": "Request too large: limit of tokens per minute", "code": "rate_limit_exceeded"}),
        (429, {"message": "maximum context length"}),
        (500, {"message": "prompt is too long"}),
    ],
)
def test_another_error_is_no_overflow(status, document):
    assert judge(status, {"error": document}).unanswered is None


def test_an_overflow_in_a_200_is_not_tried_again():
    verdict = judge(200, {"error": {"code": 400, "message": "prompt is too long"}})

    assert (verdict.unanswered, verdict.task, verdict.money) == (
        "context_overflow", TaskEffect.FAILS, Money.UNKNOWN,
    )  # fmt: skip
