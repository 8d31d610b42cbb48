"""Classifies a provider's response: its effect on breakers, cost and task. Pure functions.

The table is in `docs/architecture/models.md`; each of its rows is tested on the wire.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from gateway.providers import body
from gateway.providers.answer import Unanswered
from governance.audit import redaction
from reliability import breakers, retry_after
from reliability.breakers import Outcome
from reliability.calls.types import Money

IN_FLIGHT = "openrouter_in_flight_budget"
MAX_SAID = 300
_OVERFLOW_CODES = frozenset(
    {
        "context_length_exceeded", "context_window_exceeded", "model_context_window_exceeded",
        "exceed_context_size_error",
    }
)  # fmt: skip
# The words of OpenAI and OpenRouter, Anthropic, Google, llama.cpp, Bedrock and xAI, in this order.
_OVERFLOW = re.compile(
    r"maximum context length|context[ _](?:length|window|size)|prompt is too long|input token count"
    r"|input is too long|maximum prompt length|reduce the length of the (?:messages|prompt|input)",
    re.IGNORECASE,
)
_FILTER_CODES = frozenset(
    {"content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation", "moderation_blocked"}
)
_FILTERED = re.compile(r"content management policy|content[ _]filter|was flagged|moderation", re.IGNORECASE)
_TOLD_OF_REQUEST = frozenset({400, 403, 413, 422})
# A provider that is busy with our other calls and does not say for how long.
_SHORT_WAIT_SECONDS = 5.0


class TaskEffect(Enum):
    """What becomes of the task."""

    FAILS = "fails"  # trying again would end the same
    RETRIES = "retries"
    IS_PARKED = "is parked"  # until the breaker that this opens lets calls through
    WAITS = "waits"  # for as long as the provider asked; no breaker is concerned


class NoResponse(Enum):
    """No answer came. One that does not come in time is ended by the call pipeline, which knows how long was
    fair."""

    NOT_SENT = "connection failed"  # refused, unknown host, no connection in time
    BROKEN = "the connection broke"  # reset, or closed in the middle of the answer


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """`service` and `model` are what the two breakers are told. `elsewhere` if another model may well answer
    where this one did not. `unanswered` is why the question, as it stands, gets no answer here."""

    said: str
    service: Outcome
    model: Outcome
    money: Money
    task: TaskEffect
    wait_seconds: float | None = None
    elsewhere: bool = False
    unanswered: Unanswered | None = None

    @property
    def decisive(self) -> Outcome:
        """The one that opens a breaker, if either does."""
        return self.model if self.service.kind == "not_counted" else self.service


def of_silence(silence: NoResponse, *, detail: str = "") -> Verdict:
    """No answer came."""
    said = f"{silence.value}: {_clean(detail)}" if detail else silence.value
    failed = breakers.failure(said)
    if silence is NoResponse.NOT_SENT:
        return Verdict(said, failed, breakers.NOT_COUNTED, Money.RELEASED, TaskEffect.RETRIES)
    return Verdict(said, failed, failed, Money.UNKNOWN, TaskEffect.RETRIES, elsewhere=True)


def of_reply(reply: Reply, document: Any, *, now: datetime) -> Verdict | None:
    """What an answer means that is none; None for one that has something to say. `document` is its body, as
    `read` gives it."""
    error = _error(document)
    if reply.status != 200:
        return _of_code(reply.status, error, reply.headers, now)
    if error is not None:
        return _in_200(error, reply.headers, now)
    if not isinstance(document, dict):
        return _broken(f"answered 200 with {_unreadable(reply)}")
    if not _has_choice(document):
        return _broken("answered 200 without a choice")
    return None


def read(raw: bytes) -> Any:
    """The JSON of a body, or None."""
    return body.parse(raw)


def _unreadable(reply: Reply) -> str:
    if flaw := body.find_error(reply.body):
        return flaw
    kind = reply.headers.get("content-type", "no content type").partition(";")[0]
    return f"something that is no JSON object ({_clean(kind)})"


def _of_code(
    code: int, error: Mapping[str, Any] | None, headers: Mapping[str, str], now: datetime
) -> Verdict:
    said = _said(code, error)
    if _is_quota(code, error):
        return _quota(said, error, headers, now)
    if code == 401:
        return _ours(said, TaskEffect.IS_PARKED, service=breakers.auth(said))
    if code == 429:
        wait = _retry_after(headers, now)
        limited = breakers.rate_limited(wait, said=said)
        return replace(
            _ours(f"rate limit exceeded: {said}", TaskEffect.IS_PARKED),
            model=limited,
            wait_seconds=wait,
            elsewhere=True,
        )
    if code == 408 or code >= 500:
        failed, wait = breakers.failure(said), _retry_after(headers, now)
        return Verdict(said, failed, failed, Money.UNKNOWN, TaskEffect.RETRIES, wait, elsewhere=True)
    if code < 300:
        return _broken(said)
    reason = _unanswered(code, error)
    may_go_on = code == 404 or reason is Unanswered.CONTEXT_OVERFLOW
    return _ours(said, TaskEffect.FAILS, elsewhere=may_go_on, unanswered=reason)


def _unanswered(code: int, error: Mapping[str, Any] | None) -> Unanswered | None:
    """Why this question gets no answer, as far as the error says."""
    if error is None or code not in _TOLD_OF_REQUEST:
        return None
    inner = error.get("innererror")
    codes = {str(part.get(name)) for part in (error, inner) if isinstance(part, dict) for name in _CODES}
    words = f"{error.get('message') or ''} {_metadata(error).get('raw') or ''}"[:_LONGEST_WORDS]
    if codes & _OVERFLOW_CODES or _OVERFLOW.search(words):
        return Unanswered.CONTEXT_OVERFLOW
    if codes & _FILTER_CODES or _FILTERED.search(words):
        return Unanswered.CONTENT_FILTER
    return None


_CODES = ("code", "type", "status")
_LONGEST_WORDS = 20_000


def _in_200(error: Mapping[str, Any], headers: Mapping[str, str], now: datetime) -> Verdict:
    """It says 200 and means something else: the breakers hear what the code says; the call may have cost
    something, so the task tries again and the attempts bound what that costs. It does not try again where
    the same question would get the same error."""
    code = _number(error.get("code")) or 500
    verdict = _of_code(code if code >= 400 else 500, error, headers, now)
    said = f"answered 200 with an error: {verdict.said}"
    task = TaskEffect.FAILS if verdict.unanswered else TaskEffect.RETRIES
    return replace(verdict, said=said, money=Money.UNKNOWN, task=task)


def _is_quota(code: int, error: Mapping[str, Any] | None) -> bool:
    """Documents differ on the status, so the field decides; OpenAI says it with 429."""
    if code == 402 or (code == 403 and _limit_source(error)):
        return True
    return (
        code == 429 and error is not None and "insufficient_quota" in (error.get("code"), error.get("type"))
    )


def _quota(said: str, error: Mapping[str, Any] | None, headers: Mapping[str, str], now: datetime) -> Verdict:
    wait = _retry_after(headers, now)
    if _limit_source(error) == IN_FLIGHT:
        wait = _SHORT_WAIT_SECONDS if wait is None else wait
        return replace(_ours(said, TaskEffect.WAITS), wait_seconds=wait)
    until = _in_seconds(retry_after.read_moment(_metadata(error).get("resets_at"), now))
    wait = wait if until is None else until
    return _ours(said, TaskEffect.IS_PARKED, service=breakers.quota(wait, said=said), wait_seconds=wait)


def _ours(said: str, task: TaskEffect, *, service: Outcome = breakers.NOT_COUNTED, **more: Any) -> Verdict:
    """Refused without cost, for a reason that lies with us."""
    return Verdict(said, service, breakers.NOT_COUNTED, Money.RELEASED, task, **more)


def _broken(said: str) -> Verdict:
    failed = breakers.failure(said)
    return Verdict(said, failed, failed, Money.UNKNOWN, TaskEffect.RETRIES, elsewhere=True)


# ------------------------------------------------------------------------------------ what stands in the body


def _has_choice(document: dict[str, Any]) -> bool:
    choices = document.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return isinstance(first, dict) and isinstance(first.get("message"), dict)


def _error(document: Any) -> Mapping[str, Any] | None:
    """The error of a body: at its top, or inside a choice that broke off."""
    if not isinstance(document, dict):
        return None
    error = document.get("error")
    choices = document.get("choices")
    if not error and isinstance(choices, list) and choices and isinstance(choices[0], dict):
        error = choices[0].get("error")
    if isinstance(error, dict):
        return error
    return {"message": str(error)} if error else None


def _metadata(error: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found = error.get("metadata") if error else None
    return found if isinstance(found, dict) else {}


def _limit_source(error: Mapping[str, Any] | None) -> str:
    return str(_metadata(error).get("limit_source") or "")


def _said(code: int, error: Mapping[str, Any] | None) -> str:
    message = _clean(str((error or {}).get("message") or ""))
    source = _limit_source(error)
    named = f" ({_clean(source)})" if source else ""
    return f"{code}{named}: {message}" if message else f"{code}{named}"


def _clean(text: str) -> str:
    """One line, without secrets, not too long: it is somebody else's text."""
    return " ".join(redaction.text(text, limit=MAX_SAID).split())


def _number(value: object) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


# ------------------------------------------------------------------------------------------------- how long


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """`Retry-After` in seconds; None if it cannot be read."""
    return _in_seconds(retry_after.read_header(headers.get("retry-after", ""), now))


def _in_seconds(wait: timedelta | None) -> float | None:
    return None if wait is None else wait.total_seconds()
