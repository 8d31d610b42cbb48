"""The simulator: what a provider of models offers, and a control endpoint to steer it by.

POST /v1/chat/completions, GET /v1/models         as OpenRouter has them (also under /api/v1)
POST, GET /_simulator/faults                      change or read the plan: faults, script, latency
GET, DELETE /_simulator/requests                  what it received
"""

import asyncio
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from workers.simulator import answers, completions, faults, pricing
from workers.simulator.fault_plan import FaultPlan
from workers.simulator.http_messages import Exchange, listen
from workers.simulator.plan import Plan
from workers.simulator.request_log import RequestLog

MODELS = (
    "openai/gpt-5-mini",
    "openai/gpt-5",
    "anthropic/claude-sonnet-4.5",
    "google/gemini-2.5-flash",
    "deepseek/deepseek-chat",
    "sim/echo",
    "sim/agent-10-steps",
)


class Simulator:
    """One provider, with its plan and its log."""

    def __init__(self, plan: Plan, *, seed: int = 0, journal: Path | None = None) -> None:
        self.director = FaultPlan(plan, seed=seed)
        self.journal = RequestLog(journal)
        self._answers = self._at_once = self._most_at_once = 0
        self._routes = {
            ("POST", "/v1/chat/completions"): self._chat,
            ("GET", "/v1/models"): self._models,
            ("POST", "/_simulator/faults"): self._change,
            ("GET", "/_simulator/faults"): self._plan,
            ("GET", "/_simulator/requests"): self._requests,
            ("DELETE", "/_simulator/requests"): self._forget,
        }

    async def listen(self, *, port: int, host: str = "127.0.0.1") -> asyncio.Server:
        return await listen(self.handle, host=host, port=port)

    async def handle(self, exchange: Exchange) -> None:
        """Answer one request."""
        route = self._routes.get((exchange.method, exchange.path.removeprefix("/api")))
        if route is None:
            await _say(exchange, 404, faults.error_body(404, f"no {exchange.method} {exchange.path} here"))
            return
        await route(exchange)

    # ----------------------------------------------------------------------------------------- the provider

    async def _models(self, exchange: Exchange) -> None:
        data = [
            {"id": model, "name": model, "object": "model", "context_length": 128_000} for model in MODELS
        ]
        await _say(exchange, 200, {"object": "list", "data": data})

    async def _chat(self, exchange: Exchange) -> None:
        self._at_once += 1
        self._most_at_once = max(self._most_at_once, self._at_once)
        try:
            await self._complete(exchange)
        finally:
            self._at_once -= 1

    async def _complete(self, exchange: Exchange) -> None:
        body = _json(exchange.body)
        wrong = _wrong(exchange, body)
        if wrong is not None:
            self._note(exchange, body, str(wrong["error"]["code"]), 0)
            await _say(exchange, wrong["error"]["code"], wrong)
            return
        call = self.director.call(body)
        fault, line = self.director.fault(call), self.director.line(call)
        self._note(exchange, body, fault.kind if fault else "answer", call.number)
        await asyncio.sleep(self.director.latency(call) + (line.seconds if line else 0))
        reply = answers.of_line(line, call, body) if line else answers.of_content(call, body)
        reply = _within(reply, body)
        model = (line.served_by if line else "") or call.model
        usage = pricing.usage(reply, call=call, body=body, line=line)
        self._answers += 1
        said: dict[str, Any] = {"number": self._answers, "model": model, "usage": usage}
        if fault is not None and not (fault.kind == "cut" and body.get("stream")):
            await faults.fail(exchange, fault, completions.whole(reply, **said))
        elif body.get("stream"):
            await _stream(exchange, list(completions.chunks(reply, **said)), is_cut=fault is not None)
        else:
            await _say(exchange, 200, completions.whole(reply, **said))

    def _note(self, exchange: Exchange, body: Any, answered: str, number: int) -> None:
        self.journal.note(
            path=exchange.path, headers=exchange.headers, body=body, answered=answered, number=number
        )

    # ----------------------------------------------------------------------------------------- the control
    # endpoint

    async def _change(self, exchange: Exchange) -> None:
        try:
            self.director.change(Plan.model_validate_json(exchange.body))
        except ValidationError as invalid:
            places = [
                f"{'.'.join(str(part) for part in error['loc']) or 'body'}: {error['msg']}"
                for error in invalid.errors()
            ]
            await _say(exchange, 400, {"error": "; ".join(places)})
            return
        await self._plan(exchange)

    async def _plan(self, exchange: Exchange) -> None:
        plan = self.director.plan.model_dump(mode="json")
        await _say(exchange, 200, plan | {"calls": self.director.calls})

    async def _requests(self, exchange: Exchange) -> None:
        entries = self.journal.entries
        log = {"count": len(entries), "most_at_once": self._most_at_once, "requests": entries}
        await _say(exchange, 200, log)

    async def _forget(self, exchange: Exchange) -> None:
        self.journal.clear()
        self._most_at_once = self._at_once
        await _say(exchange, 200, {"count": 0})


def _wrong(exchange: Exchange, body: Any) -> dict[str, Any] | None:
    """The error of a request that no provider would take."""
    if not exchange.headers.get("authorization", "").removeprefix("Bearer").strip():
        return faults.error_body(401, "No auth credentials found")
    if not isinstance(body, dict):
        return faults.error_body(400, "the body is not a JSON object")
    if not isinstance(body.get("model"), str):
        return faults.error_body(400, "model: expected text")
    messages = body.get("messages")
    if not (isinstance(messages, list) and messages and all(isinstance(one, dict) for one in messages)):
        return faults.error_body(400, "messages: expected a list of at least one message")
    return None


def _within(reply: answers.Reply, body: dict[str, Any]) -> answers.Reply:
    """Cut off at `max_tokens`, as a model is."""
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if not most or pricing.output_tokens(reply) <= most:
        return reply
    return answers.Reply((reply.text or "").encode()[: most * 4].decode(errors="ignore"), [], "length")


async def _stream(exchange: Exchange, chunks: list[bytes], *, is_cut: bool) -> None:
    await exchange.begin(200, content_type="text/event-stream")
    for chunk in chunks[: len(chunks) // 2] if is_cut else chunks:
        await exchange.send(chunk)
    await (exchange.cut() if is_cut else exchange.end())


async def _say(exchange: Exchange, status: int, document: dict[str, Any]) -> None:
    await exchange.answer(status, orjson.dumps(document))


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
