"""One send: a request goes out under a permit of the call pipeline, and what comes back is told to it."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings

from gateway.providers import classification, content, replay, request
from gateway.providers import usage as usages
from gateway.providers.answer import ModelAnswer, NoAnswer
from gateway.providers.classification import Reply, TaskEffect, Verdict
from gateway.providers.endpoint import Endpoint
from governance.costs import pricing
from governance.costs.pricing import NO_USAGE, Bound, Price, Usage
from governance.models import CostLine
from governance.tasks.waits import Wait, WaitKind
from reliability import breakers
from reliability.calls import threads
from reliability.calls.types import CallFailed, CallPermit, CallResult
from reliability.failures import PermanentFailure, Postponed, TransientFailure

_GENERATED = (
    "content", "tool_calls", "refusal", "reasoning", "reasoning_details", "function_call",
    "reasoning_content", "audio",
)  # fmt: skip


class ProviderRequest:
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

    async def __call__(self, permit: CallPermit) -> CallResult:
        """Send it once. Raises `CallFailed`."""
        # A third of a second and 40 MB: what never asks a model goes without.
        from gateway.providers import client

        max_tokens = permit.max_tokens
        if max_tokens is None:
            raise RuntimeError("a model is called under a hold, which bounds its answer")
        asked = {"model": self.model} | self._body | request.limit(self._endpoint, max_tokens)
        extra = request.price_cap(self._endpoint, self._bound)
        permit.use()
        self.was_sent, begun = True, time.monotonic()
        try:
            reply = await client.post(self._endpoint, asked, extra=extra, seconds=permit.seconds)
        except client.Unanswered as error:
            raise self._failed(
                classification.of_silence(error.silence, detail=self._hide(error.detail))
            ) from error
        document = classification.read(reply.body)
        usage, price, unpriced_reason = await self._bill(document, held_usd=permit.held_usd or Decimal(0))
        verdict = self._judge(reply, document)
        if verdict is not None:
            believed = None if unpriced_reason else price
            raise self._failed(verdict, price=believed, usage=usage, request_id=_request_id(document))
        answer = _answer(document, model=self.model, usage=usage)
        return CallResult(
            value=answer,
            outcome=_pace(time.monotonic() - begun),
            price=price,
            unpriced_reason=unpriced_reason,
            usage=usage,
            model=answer.model,
            request_id=answer.request_id,
        )

    def _judge(self, reply: Reply, document: Any) -> Verdict | None:
        return classification.of_reply(reply, document, now=datetime.now(UTC))

    async def _bill(self, document: Any, *, held_usd: Decimal) -> tuple[Usage, Price | None, str]:
        """Tokens and price of whatever came back, and why no price is known, if none is: then the hold is
        charged, or the price of what can be read, if that is more."""
        reading = usages.read(document, has_content=_has_content(document))
        served = (_name(document.get("model")) if isinstance(document, dict) else "") or self.model
        if not reading.problem:
            price = await self._price(served, reading.usage, stated_usd=reading.cost_usd)
            return reading.usage, price, "" if price else f"no price is known of {served} for this usage"
        if reading.readable == NO_USAGE:
            return NO_USAGE, None, reading.problem
        least = await self._price(served, reading.readable)
        if least is None or least.usd <= held_usd:
            return NO_USAGE, None, reading.problem
        return NO_USAGE, Price(least.usd, CostLine.Source.UNPRICED), reading.problem

    async def _price(self, served: str, usage: Usage, *, stated_usd: Decimal | None = None) -> Price | None:
        return await threads.run_in_thread(
            pricing.actual,
            service=self._endpoint.service,
            model=served,
            usage=usage,
            provider_cost=stated_usd,
        )

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
            case TaskEffect.FAILS if verdict.unanswered:
                return NoAnswer(said, reason=verdict.unanswered, **named)
            case TaskEffect.FAILS:
                return PermanentFailure(said, **named)
            case TaskEffect.RETRIES:
                return TransientFailure(said, retry_after=wait, **named)
            case TaskEffect.WAITS:
                until = datetime.now(UTC) + (wait or timedelta(0))
                name = f"{self._endpoint.service} in-flight budget"
                return Postponed(Wait(kind=WaitKind.RATE_LIMIT, name=name, sentence=said, until=until))
        return None

    def _hide(self, text: str) -> str:
        return text.replace(self._endpoint.api_key, "[hidden]")


def _pace(seconds: float) -> breakers.Outcome:
    limit = settings.JUGGERNAUT_LLM_SLOW_SECONDS
    return breakers.SLOW if limit and seconds > limit else breakers.SUCCESS


def _has_content(document: Any) -> bool:
    """Whether the answer holds anything that the model generated."""
    choices = document.get("choices") if isinstance(document, dict) else None
    found = (
        [choice.get("message") for choice in choices if isinstance(choice, dict)]
        if isinstance(choices, list)
        else []
    )
    return any(message.get(name) for message in found if isinstance(message, dict) for name in _GENERATED)


def _answer(document: dict[str, Any], *, model: str, usage: Usage) -> ModelAnswer:
    found = content.read(document["choices"][0])
    return ModelAnswer(
        text=found.text,
        tool_calls=found.tool_calls,
        model=_name(document.get("model")) or model,
        usage=usage,
        cost_usd=None,
        finish_reason=found.finish_reason,
        request_id=_request_id(document),
        message=replay.assistant(found.text or found.refusal, found.tool_calls, said=found.message),
        refusal=found.refusal,
        said=found.message,
    )


def _request_id(document: Any) -> str:
    return _name(document.get("id")) if isinstance(document, dict) else ""


def _name(value: Any) -> str:
    """Fit for a column of names."""
    return _text(value).replace("\x00", "")[:200]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
