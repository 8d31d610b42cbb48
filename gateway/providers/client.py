"""The client of a provider: one for each event loop, with bounded connections, closed when the loop ends."""

import asyncio
import weakref
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import openai

from gateway.http import bounded
from gateway.providers import body
from gateway.providers.classification import NoResponse, Reply
from gateway.providers.endpoint import Endpoint

MAX_CONNECTIONS = 256
# As received, and after decompression.
MAX_ANSWER_BYTES = body.MAX_BYTES
_CONNECT_SECONDS = 5.0
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol, httpx2.ProxyError)

_Client = openai.AsyncOpenAI
_kept: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, list[AsyncGenerator[None, None]]]" = (
    weakref.WeakKeyDictionary()
)
_of_loop: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Endpoint, _Client]]" = (
    weakref.WeakKeyDictionary()
)


class Unanswered(Exception):
    """No answer came; `silence` says how, `detail` in whose words."""

    def __init__(self, silence: NoResponse, detail: str) -> None:
        super().__init__(f"{silence.value}: {detail}")
        self.silence = silence
        self.detail = detail


async def post(endpoint: Endpoint, asked: dict[str, Any], *, extra: dict[str, Any], seconds: float) -> Reply:
    """Ask once for a chat completion, and bring back what came, whatever it is. Raises `Unanswered`.

    `seconds` bounds the way to the provider only: that the answer comes in time is the call pipeline's to see
    to.
    """
    client = await _client(endpoint)
    try:
        answer = await client.chat.completions.with_raw_response.create(
            **asked,
            extra_body=extra or None,
            timeout=httpx2.Timeout(None, connect=min(_CONNECT_SECONDS, seconds)),
        )
        response = answer.http_response
    except openai.APIStatusError as refused:
        response = refused.response
    except openai.APIConnectionError as error:
        raise Unanswered(_silence(error.__cause__), _words(error)) from error
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, response.content)


def _silence(cause: BaseException | None) -> NoResponse:
    return NoResponse.NOT_SENT if isinstance(cause, _NOT_SENT) else NoResponse.BROKEN


def _words(error: openai.APIConnectionError) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__} {cause}".strip()


def of_loop() -> dict[Endpoint, _Client]:
    """The clients of the running loop, by whom they reach."""
    return _of_loop.setdefault(asyncio.get_running_loop(), {})


async def _client(endpoint: Endpoint) -> _Client:
    clients = of_loop()
    if endpoint not in clients:
        clients[endpoint] = _made(endpoint)
        # A loop that ends closes its generators that have begun: with this one, the client's connections.
        kept = _until_loop_ends(clients[endpoint])
        _kept.setdefault(asyncio.get_running_loop(), []).append(kept)
        await anext(kept)
    return clients[endpoint]


async def _until_loop_ends(client: _Client) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await client.close()


def _made(endpoint: Endpoint) -> _Client:
    limits = httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS // 4)
    return _Client(
        base_url=endpoint.base_url,
        api_key=endpoint.api_key,
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(
            limits=limits, follow_redirects=False, event_hooks={"response": [_bound]}
        ),
    )


async def _bound(response: httpx2.Response) -> None:
    """Its body, which is not read yet, has an end: also the body of an error."""
    bounded.bound(response, limit=MAX_ANSWER_BYTES)
