"""Asking a model: the preferred one first, the others if it cannot answer, each under its own gates."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from gateway.providers import endpoint as endpoints
from gateway.providers import request
from gateway.providers.answer import ModelAnswer
from gateway.providers.endpoint import Endpoint
from gateway.providers.send import ProviderRequest
from governance.access import tool_executions
from governance.costs import pricing
from governance.costs.pricing import Bound
from governance.errors import UnknownPrice
from governance.tasks.waits import WaitKind
from reliability.calls import (
    CallFailed,
    CallPermit,
    CallRequest,
    CallResult,
    TokenCost,
    governed_call,
    no_price,
    threads,
)
from reliability.engine.context import TaskContext
from reliability.failures import PermanentFailure, Postponed, TaskFailure, TransientFailure

TOOL_NAME = "model.chat"
_LAST = datetime.max.replace(tzinfo=UTC)

Message = dict[str, Any]


async def chat(
    context: TaskContext,
    messages: list[Message],
    *,
    models: Sequence[str] | None = None,
    tools: list[dict[str, Any]] | None = None,
    response_schema: dict[str, Any] | None = None,
    max_tokens: int = 2048,
    least_tokens: int = 256,
    temperature: float | None = None,
    seconds: float = 120.0,
    key: str = "",
    kept: Callable[[ModelAnswer, CallPermit], None] | None = None,
) -> ModelAnswer:
    """Ask a model, for the task of this context.

    `messages` and `tools` are as the API has them, text only. `models` are tried in this order (default:
    the worker's). `response_schema` is a JSON schema that the text should have the shape of: whether it
    does is for the caller to check. The answer has at most `max_tokens` tokens, fewer if no more can be
    paid, but never under `least_tokens`. `seconds` bounds each send. `key` and `kept` are those of an
    `CallRequest`: whoever keeps the answer keeps it with its booking.

    A model that is refused by its own breaker, whose price nobody knows, or that fails in a way that
    another may not, is followed by the next. When all are refused the task is parked on the one that
    comes back first (`Postponed`); when one was asked and failed, its failure is raised. Raises what
    `governed_call` does, and `NotConfigured`.
    """
    where = endpoints.current()
    body = request.body(
        where, messages, tools=tools, response_schema=response_schema, temperature=temperature
    )
    refusals: list[Exception] = []
    for model in models or endpoints.models_of(context.worker_id):
        try:
            bound = await _bound(where, model, body)
        except UnknownPrice as unknown:
            refusals.append(await _unpriced(context, unknown, body))
            continue
        sending = ProviderRequest(where, model=model, body=body, bound=bound, tool_name=TOOL_NAME)
        ask = CallRequest(
            tool_name=TOOL_NAME,
            arguments={"model": model, "max_tokens": max_tokens} | body,
            seconds=seconds,
            service=where.service,
            model=model,
            breakers=sending.breakers,
            cost=TokenCost(bound, max_tokens, min(least_tokens, max_tokens)),
            key=key,
            kept=kept and partial(_keep, kept),
        )
        try:
            answered = await governed_call(context, ask, sending)
        except (TaskFailure, Postponed) as refusal:
            if not _may_go_on(refusal, sending):
                raise
            refusals.append(refusal)
        else:
            return _booked(answered)
    raise _foremost(refusals)


def _keep(
    kept: Callable[[ModelAnswer, CallPermit], None], said: CallResult | CallFailed, permit: CallPermit
) -> None:
    if isinstance(said, CallResult):
        kept(_booked(said), permit)


def _booked(answered: CallResult) -> ModelAnswer:
    """The answer with the cost that the ledger has."""
    answer: ModelAnswer = answered.value
    return answer.model_copy(update={"cost_usd": answered.charged_usd})


async def _bound(where: Endpoint, model: str, body: dict[str, Any]) -> Bound:
    """Most models are in the price list; for others the database is asked, away from the loop."""
    ceiling = pricing.input_ceiling(orjson.dumps(body))
    return await threads.run_in_thread(
        pricing.worst_case, service=where.service, models=[model], input_tokens=ceiling
    )


async def _unpriced(context: TaskContext, unknown: UnknownPrice, body: dict[str, Any]) -> TaskFailure:
    """A refusal is on record, whoever refused."""
    failure = no_price(unknown, tool_name=TOOL_NAME)
    call = tool_executions.Call(
        context.worker_id, TOOL_NAME, body, context.task_id, unknown.service, unknown.model
    )
    rule = f"price: none is known of {unknown.model}"
    await threads.run_in_thread(tool_executions.refuse, call, rule=rule, error_message=str(failure))
    return failure


def _may_go_on(refusal: Exception, sending: ProviderRequest) -> bool:
    """Whether the next model may well do what this one did not."""
    if sending.verdict is not None:
        return sending.verdict.elsewhere
    if isinstance(refusal, Postponed):
        wait = refusal.wait
        return wait.kind is WaitKind.BREAKER and wait.name == sending.breakers[1]
    return sending.was_sent and isinstance(refusal, TransientFailure)  # it did not answer in time


def _foremost(refusals: list[Exception]) -> Exception:
    """What to tell the task: a failure that was met counts as an attempt, so that no task goes round for
    ever; else the wait that ends first; else that nobody knows a price."""
    failed = [refusal for refusal in refusals if isinstance(refusal, TransientFailure)]
    waits = [refusal for refusal in refusals if isinstance(refusal, Postponed)]
    if failed:
        return failed[-1]
    if waits:
        return min(waits, key=lambda postponed: postponed.wait.until or _LAST)
    return refusals[-1] if refusals else PermanentFailure("no model was named to ask")
