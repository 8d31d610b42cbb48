"""One send: a request goes out under a passage of the door, and what comes back is told to it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from governance import prices
from governance.prices import NO_USAGE, Bound, Price, Usage
from governance.waits import Wait, WaitKind
from reliability import breakers
from reliability.door.terms import Answered, CallFailed, Passage
from reliability.failures import PermanentFailure, Postponed, TransientFailure
from workers.models import books, classify, content, replay, request
from workers.models.answer import ModelAnswer, NoAnswer
from workers.models.classify import Reply, Task, Verdict
from workers.models.endpoint import Endpoint


class Sending:
    """A request to one model. `verdict` is what its failure meant, once it has failed by itself."""

    def __init__(
        self, endpoint: Endpoint, *, model: str, body: dict[str, Any], bound: Bound, tool_name: str
    ) -> None:
        self.model = model
        self.verdict: Verdict | None = None
        self.was_sent = False
        self._endpoint = endpoint
        self._body = body
        self._bound = bound
        self._tool_name = tool_name

    @property
    def breakers(self) -> tuple[str, str]:
        """That of the service, and that of the model at it."""
        return self._endpoint.service, f"{self._endpoint.service}:{self.model}"

    async def __call__(self, passage: Passage) -> Answered:
        """Send it once. Raises `CallFailed`."""
        # A third of a second and 40 MB: what never asks a model goes without.
        from workers.models import client

        max_tokens = passage.max_tokens
        if max_tokens is None:
            raise RuntimeError("a model is called under a hold, which bounds its answer")
        asked = {"model": self.model} | self._body | request.limit(self._endpoint, max_tokens)
        extra = request.price_cap(self._endpoint, self._bound)
        passage.use()
        self.was_sent, begun = True, time.monotonic()
        try:
            reply = await client.post(self._endpoint, asked, extra=extra, seconds=passage.seconds)
        except client.Unanswered as error:
            raise self._failed(classify.of_silence(error.silence, detail=self._hide(error.detail))) from error
        document = classify.read(reply.body)
        usage, price = await self._bill(document)
        verdict = self._judge(reply, document)
        if verdict is not None:
            raise self._failed(verdict, price=price, usage=usage, request_id=_request_id(document))
        answer = _answer(document, model=self.model, usage=usage, price=price)
        return Answered(
            value=answer,
            outcome=_pace(time.monotonic() - begun),
            price=price,
            usage=usage,
            model=answer.model,
            request_id=answer.request_id,
        )

    def _judge(self, reply: Reply, document: Any) -> Verdict | None:
        return classify.of_reply(reply, document, now=datetime.now(UTC))

    async def _bill(self, document: Any) -> tuple[Usage, Price | None]:
        """Tokens and price of whatever came back, as far as it says."""
        stated = document.get("usage") if isinstance(document, dict) else None
        if not isinstance(stated, dict):
            return NO_USAGE, None
        usage, served = _usage(stated), _name(document.get("model")) or self.model
        price = await books.ask(
            prices.actual,
            service=self._endpoint.service,
            model=served,
            usage=usage,
            provider_cost=stated.get("cost"),
        )
        return usage, price

    def _failed(
        self, verdict: Verdict, *, price: Price | None = None, usage: Usage = NO_USAGE, request_id: str = ""
    ) -> CallFailed:
        self.verdict = verdict
        said = self._hide(f"{self._endpoint.service} {self.model}: {verdict.said}")
        service, model = self.breakers
        return CallFailed(
            said,
            error=self._error(verdict, said),
            outcome=verdict.decisive,
            outcomes={service: verdict.service, model: verdict.model},
            money=verdict.money if price is None else price,
            usage=usage,
            model=self.model,
            request_id=request_id,
        )

    def _error(self, verdict: Verdict, said: str) -> Exception | None:
        """What the task gets; None parks it on the breaker."""
        named = {"tool_name": self._tool_name, "service": self._endpoint.service}
        wait = None if verdict.wait_seconds is None else timedelta(seconds=verdict.wait_seconds)
        match verdict.task:
            case Task.FAILS if verdict.unanswered:
                return NoAnswer(said, reason=verdict.unanswered, **named)
            case Task.FAILS:
                return PermanentFailure(said, **named)
            case Task.RETRIES:
                return TransientFailure(said, retry_after=wait, **named)
            case Task.WAITS:
                until = datetime.now(UTC) + (wait or timedelta(0))
                name = f"{self._endpoint.service} in-flight budget"
                return Postponed(Wait(kind=WaitKind.RATE_LIMIT, name=name, sentence=said, until=until))
        return None

    def _hide(self, text: str) -> str:
        return text.replace(self._endpoint.api_key, "[hidden]")


def _pace(seconds: float) -> breakers.Outcome:
    limit = settings.JUGGERNAUT_LLM_SLOW_SECONDS
    return breakers.SLOW if limit and seconds > limit else breakers.SUCCESS


def _answer(document: dict[str, Any], *, model: str, usage: Usage, price: Price | None) -> ModelAnswer:
    found = content.read(document["choices"][0])
    return ModelAnswer(
        text=found.text,
        tool_calls=found.tool_calls,
        model=_name(document.get("model")) or model,
        usage=usage,
        cost_usd=price.usd if price else None,
        finish_reason=found.finish_reason,
        request_id=_request_id(document),
        message=replay.assistant(found.text or found.refusal, found.tool_calls, said=found.message),
        refusal=found.refusal,
        said=found.message,
    )


def _usage(stated: dict[str, Any]) -> Usage:
    asked, said = stated.get("prompt_tokens_details"), stated.get("completion_tokens_details")
    return Usage(
        input_tokens=_count(stated, "prompt_tokens"),
        output_tokens=_count(stated, "completion_tokens"),
        cache_read_tokens=_count(asked, "cached_tokens"),
        cache_write_tokens=_count(asked, "cache_write_tokens"),
        reasoning_tokens=_count(said, "reasoning_tokens"),
    )


def _count(counts: Any, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and 0 <= value < 2**62 else 0


def _request_id(document: Any) -> str:
    return _name(document.get("id")) if isinstance(document, dict) else ""


def _name(value: Any) -> str:
    """Fit for a column of names."""
    return _text(value).replace("\x00", "")[:200]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
