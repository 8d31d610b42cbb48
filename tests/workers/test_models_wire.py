"""Every answer that a provider can give, on the wire: what it means for breakers, money, record and task.

The rows are those of `docs/architecture/models.md`.
"""

import gzip
import socket
import zlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from gateway.providers import NoAnswer, client
from governance.models import ToolExecution
from governance.tasks.waits import WaitKind
from reliability.engine import backoff
from reliability.failures import PermanentFailure, Postponed, TaskFailure, TransientFailure
from tests.governance.budgets import assert_sound
from tests.tools.site import serving
from tests.workers.models import FIRST, ask, holds, ledger, the_call

PATH = "/v1/chat/completions"
ANSWER = rb'{"choices": [{"message": {"content": "x\ud800y"}}], "usage": {"prompt_tokens": 1}}'
CLOSED, OPEN = "closed", "open"


@dataclass(frozen=True)
class Row:
    """An answer and what it means. `of_service` and `of_model`: state, failures and kind of each breaker.

    `hold` is the state of the hold; `task` what the task gets; `wait_seconds` what it is told to wait.
    """

    fault: dict[str, Any]
    of_service: tuple[str, int, str]
    of_model: tuple[str, int, str]
    hold: str
    task: type[Exception]
    says: str
    wait_seconds: float | None = None


QUIET, FAILED, AUTH, QUOTA, LIMITED = (
    (CLOSED, 0, ""),
    (CLOSED, 1, ""),
    (OPEN, 0, "auth"),
    (OPEN, 0, "quota"),
    (OPEN, 0, "rate_limited"),
)


def ours(status: int, says: str, **fault: Any) -> Row:
    """Refused for a reason that lies with us: nothing is counted, nothing paid, nothing tried again."""
    return Row({"status": status} | fault, QUIET, QUIET, "released", PermanentFailure, says)


def ill(fault: dict[str, Any], says: str, *, hold: str = "unknown", wait: float | None = None) -> Row:
    """The provider is not well: counted, and tried again; it may have cost something."""
    return Row(fault, FAILED, FAILED, hold, TransientFailure, says, wait)


ROWS = {
    "200 with an error body": ill(
        {"kind": "error_in_200", "status": 502}, "answered 200 with an error: 502: Provider returned error"
    ),
    "200 with an error body that says what it cost": ill(
        {"kind": "error_in_200", "status": 500, "cost_usd": 0.00002},
        "answered 200 with an error",
        hold="settled",
    ),
    "200 with an error body of a rate limit": Row(
        {"kind": "error_in_200", "status": 429},
        QUIET,
        LIMITED,
        "unknown",
        TransientFailure,
        "rate limit exceeded",
    ),
    "no choices": ill({"kind": "no_choices"}, "answered 200 without a choice"),
    "no choices, but a price": ill(
        {"kind": "no_choices", "cost_usd": 0.00001}, "without a choice", hold="settled"
    ),
    "broken JSON": ill({"kind": "broken_json"}, "no JSON object (application/json)"),
    "wrong content type": ill({"kind": "wrong_content_type"}, "no JSON object (text/html)"),
    "cut in the middle": ill({"kind": "cut"}, "the connection broke"),
    "connection reset": ill({"kind": "reset"}, "the connection broke"),
    "compressed beyond its bounds": ill(
        {"kind": "compressed"}, "the connection broke: TooLong its answer has more than 8388608 bytes after"
    ),
    "nested too deep": ill(
        {"kind": "deep"}, "answered 200 with JSON that is nested more than 100 levels deep"
    ),
    "a context overflow": ours(
        400,
        "400: This model's maximum context length is 8192 tokens",
        message="This model's maximum context length is 8192 tokens",
    ),
    "a context overflow in a 200": Row(
        {"kind": "error_in_200", "status": 400, "message": "prompt is too long: 214850 tokens > 200000"},
        QUIET,
        QUIET,
        "unknown",
        NoAnswer,
        "prompt is too long",
    ),
    "400": ours(400, "400: temperature is too high", message="temperature is too high"),
    "401": Row({"status": 401}, AUTH, QUIET, "released", Postponed, "401: User not found."),
    "402": Row({"status": 402}, QUOTA, QUIET, "released", Postponed, "402: Insufficient credits"),
    "402 of the calls in flight": Row(
        {
            "status": 402,
            "retry_after": 30,
            "metadata": {"limit_source": "openrouter_in_flight_budget"},
            "message": "busy with your other requests",
        },
        QUIET,
        QUIET,
        "released",
        Postponed,
        "402 (openrouter_in_flight_budget): busy with your other requests",
        30,
    ),
    "403 with limit_source": Row(
        {
            "status": 403,
            "metadata": {"limit_source": "openrouter_key_limit", "resets_at": "2999-01-01T00:00:00Z"},
        },
        QUOTA,
        QUIET,
        "released",
        Postponed,
        "403 (openrouter_key_limit)",
        7 * 86_400,
    ),
    "403 without limit_source": ours(403, "403: Your chosen model requires moderation"),
    "404": ours(404, "404: No endpoints found for this model"),
    "408": ill({"status": 408}, "408: Request timed out"),
    "413": ours(413, "413: Request entity too large"),
    "422": ours(422, "422: Unprocessable request"),
    "429 without Retry-After": Row(
        {"status": 429}, QUIET, LIMITED, "released", Postponed, "rate limit exceeded: 429", 30
    ),
    "429 with Retry-After": Row(
        {"status": 429, "retry_after": 90},
        QUIET,
        LIMITED,
        "released",
        Postponed,
        "rate limit exceeded: 429",
        90,
    ),
    "500": ill({"status": 500}, "500: Internal server error"),
    "502": ill({"status": 502}, "502: Provider returned error"),
    "503": ill({"status": 503}, "503: No available model provider"),
    "503 with Retry-After": ill({"status": 503, "retry_after": 45}, "503: ", wait=45),
    "529": ill({"status": 529}, "529: Provider overloaded"),
    "a redirect": ours(302, "302"),
}


@pytest.mark.parametrize("name", ROWS)
def test_an_answer_means_what_the_table_says(name, provider, service, context):
    row = ROWS[name]
    provider.tell(faults=[row.fault])

    with pytest.raises(row.task) as refusal:
        ask(context)

    assert standing(service) == (row.of_service, row.of_model)
    assert holds() == [row.hold]
    assert len(ledger()) == (row.hold != "released")
    assert_recorded(row.says)
    assert_task(refusal.value, row)
    assert len(provider.received()) == 1
    assert_sound()


def standing(service: Any) -> tuple[tuple[str, int, str], ...]:
    found = (service.breaker(), service.breaker(FIRST))
    return tuple((one["state"], one["failures"] or 0, one["kind"] or "") for one in found)


def assert_recorded(says: str) -> None:
    row = the_call()
    assert (row.status, row.tool_name, row.model) == ("failed", "model.chat", FIRST)
    assert says in row.error_message


def assert_task(error: Exception, row: Row) -> None:
    """A task that is parked is not asked whether it may try again; the others are."""
    if isinstance(error, Postponed):
        assert (error.wait.kind is WaitKind.RATE_LIMIT) == (
            row.hold == "released" and row.of_model == row.of_service
        )
        if row.wait_seconds is not None:
            created = ToolExecution.objects.get().created_at
            assert error.wait.until
            assert (error.wait.until - created).total_seconds() == pytest.approx(row.wait_seconds, abs=20)
        return
    assert isinstance(error, TaskFailure)
    again = backoff.decide(error, error_attempts=0, max_attempts=3)
    assert isinstance(again, backoff.Again) == isinstance(error, TransientFailure)
    assert (error.tool_name, bool(error.service)) == ("model.chat", True)
    if row.wait_seconds and isinstance(again, backoff.Again):
        assert again.delay_seconds >= row.wait_seconds


def test_an_answer_is_booked_as_the_provider_says(provider, service, context):
    provider.tell(script=[{"text": "Fine.", "cost_usd": 0.0000123}])

    answer = ask(context)

    assert (answer.text, answer.finish_reason, answer.cost_usd) == (
        "Fine.",
        "stop",
        Decimal("0.0000123"),
    )
    assert standing(service) == (QUIET, QUIET)
    assert holds() == ["settled"]
    assert [(source, f"{usd:f}") for source, usd in ledger()] == [("provider", "0.000012300")]
    assert (the_call().status, f"{the_call().cost_usd:f}") == ("succeeded", "0.000012300")
    assert_sound()


def test_a_server_that_is_not_there_costs_nothing(settings, service, context):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.JUGGERNAUT_LLM_BASE_URL = f"http://127.0.0.1:{nobody.getsockname()[1]}/v1"
        with pytest.raises(TransientFailure, match="connection failed"):
            ask(context)

    assert standing(service) == (FAILED, QUIET)
    assert (holds(), ledger()) == (["released"], [])
    assert_recorded("connection failed")


def test_an_answer_that_does_not_come_in_time_may_have_cost_everything(provider, service, context):
    provider.tell(faults=[{"kind": "hang"}])

    with pytest.raises(TransientFailure, match="did not answer within"):
        ask(context, seconds=0.5)

    assert standing(service) == (FAILED, FAILED)
    assert holds() == ["unknown"]
    assert_recorded("did not answer within")
    assert_sound()


def test_an_answer_that_comes_byte_by_byte_has_to_come_in_time(provider, service, context):
    provider.tell(faults=[{"kind": "slow_body"}])

    with pytest.raises(TransientFailure, match="did not answer within"):
        ask(context, seconds=1)

    assert standing(service) == (FAILED, FAILED)
    assert holds() == ["unknown"]


def test_an_error_is_bounded_after_decompression_too(settings, service, context):
    body = gzip.compress(b'{"error": {"message": "' + b"x" * 20_000_000 + b'"}}')
    with serving() as site:
        url = site.on(PATH, body, status=400, content_type="application/json", content_encoding="gzip")
        settings.JUGGERNAUT_LLM_BASE_URL = url.rpartition("/chat")[0]
        with pytest.raises(TransientFailure, match="more than 8388608 bytes after decompression"):
            ask(context)


def test_a_body_that_is_compressed_twice_is_not_read(settings, service, context):
    body = gzip.compress(gzip.compress(ANSWER))
    with serving() as site:
        url = site.on(PATH, body, content_type="application/json", content_encoding="gzip, gzip")
        settings.JUGGERNAUT_LLM_BASE_URL = url.rpartition("/chat")[0]
        with pytest.raises(TransientFailure, match="compressed more than once"):
            ask(context)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_a_compressed_answer_is_read(encoding, settings, service, context):
    packed = {"gzip": gzip.compress(ANSWER), "deflate": zlib.compress(ANSWER), "identity": ANSWER}[encoding]
    with serving() as site:
        url = site.on(PATH, packed, content_type="application/json", content_encoding=encoding)
        settings.JUGGERNAUT_LLM_BASE_URL = url.rpartition("/chat")[0]
        assert ask(context).text == "x\ufffdy"


def test_a_body_that_goes_on_after_its_compressed_data_is_a_broken_one(
    settings, service, context, monkeypatch
):
    monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 100_000)

    def endless(handler):
        handler.send_response(200)
        handler.send_header("content-encoding", "gzip")
        handler.end_headers()
        handler.wfile.write(gzip.compress(ANSWER))
        while True:
            handler.wfile.write(b"x" * 65_536)

    with serving() as site:
        settings.JUGGERNAUT_LLM_BASE_URL = site.does(PATH, endless).rpartition("/chat")[0]
        with pytest.raises(TransientFailure, match="more than 100000 bytes"):
            ask(context)


def test_an_answer_without_end_is_a_broken_one(settings, service, context, monkeypatch):
    monkeypatch.setattr(client, "MAX_ANSWER_BYTES", 100_000)

    def endless(handler):
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.end_headers()
        while True:
            handler.wfile.write(b"[" * 65_536)

    with serving() as site:
        settings.JUGGERNAUT_LLM_BASE_URL = site.does("/v1/chat/completions", endless).rpartition("/chat")[0]
        with pytest.raises(TransientFailure, match="more than 100000 bytes"):
            ask(context)

    assert standing(service) == (FAILED, FAILED)
    assert holds() == ["unknown"]
