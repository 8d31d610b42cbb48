"""One request and what came back, redirects followed by hand: each hop is checked like the first."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import httpx2
from pydantic import TypeAdapter, ValidationError

from gateway.http.addresses import Blocked
from gateway.http.bounded import Received
from gateway.http.connecting import CheckedTransport
from gateway.http.requests import MAX_ANSWER_BYTES, HttpRead, HttpRequest, Url, host_key
from governance.db import strict_json
from governance.version import VERSION
from reliability import retry_after
from reliability.breakers.outcomes import failure, rate_limited
from reliability.calls.types import CallFailed, Money
from reliability.failures import TransientFailure

_REDIRECTS = {301, 302, 303, 307, 308}
# Headers that go along to another host; what else the caller set may be meant for the first one only.
_HARMLESS = {"accept", "accept-language", "content-type", "user-agent"}
_ENCODINGS = {"", "identity", "gzip", "deflate"}
_MAX_KEPT_HEADERS = 50
# More than any body of `max_bytes` has, compressed or not.
_MAX_RECEIVED_BYTES = 8 * MAX_ANSWER_BYTES


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `body` is text, cut to what was asked for (`is_cut`); empty, with `left_out`
    saying why, when it is none. `url` is the last one that was asked."""

    status: int
    url: str
    headers: dict[str, str]
    body: str
    is_cut: bool = False
    left_out: str = ""

    def json(self) -> Any:
        """The body as JSON; raises `InvalidJson`."""
        return strict_json.loads(self.body.encode())

    def as_answer(self) -> dict[str, Any]:
        told: dict[str, Any] = {"status": self.status, "url": self.url, "headers": self.headers}
        told |= {"body": self.body, "truncated": self.is_cut}
        return told | ({"left_out": self.left_out} if self.left_out else {})


class AnsweredFailure(CallFailed):
    """The host answered, with a status that is a failure: 429 or 5xx."""


async def fetch(asked: HttpRead, *, seconds: float) -> Reply:
    """Make the request within `seconds`, or within its own limit if that is shorter.

    Raises `Blocked` (nothing was sent there), or `CallFailed`: 429 waits for the host's breaker, 5xx and
    everything that is no answer counts against it. Every other status is an answer.
    """
    limit = min(seconds, asked.seconds)
    try:
        async with asyncio.timeout(limit), _client(limit) as client:
            return await _follow(client, asked)
    except httpx2.ConnectTimeout as failed:
        raise _unreached(asked, failed) from failed
    except (TimeoutError, httpx2.TimeoutException):
        text = f"no answer from {host_key(asked.url)} within {limit:g} s"
        raise CallFailed(text, error=TransientFailure(text), outcome=failure(text)) from None
    except httpx2.InvalidURL as wrong:
        raise Blocked(f"the URL cannot be used: {wrong}") from None
    except (httpx2.TransportError, httpx2.DecodingError, zlib.error) as failed:
        raise _unreached(asked, failed) from failed


def _client(limit: float) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=CheckedTransport(),
        # Half of the time for the connection alone: one that is not made is known to have sent nothing.
        timeout=httpx2.Timeout(limit, connect=limit / 2),
        trust_env=False,
        follow_redirects=False,
        headers={"user-agent": f"juggernaut/{VERSION}", "accept-encoding": "gzip, deflate"},
    )


def _unreached(asked: HttpRead, failed: Exception) -> CallFailed:
    text = f"{host_key(asked.url)} cannot be reached: {str(failed) or type(failed).__name__}"
    # A connection that was not made has sent nothing.
    is_unsent = isinstance(failed, httpx2.ConnectError | httpx2.ConnectTimeout)
    money = Money.RELEASED if is_unsent else Money.UNKNOWN
    return CallFailed(text, error=TransientFailure(text), outcome=failure(text), money=money)


async def _follow(client: httpx2.AsyncClient, asked: HttpRead) -> Reply:
    request = client.build_request(asked.method, asked.url, headers=asked.headers, **_content(asked))
    for _ in range(asked.max_redirects + 1):
        response = await client.send(request, stream=True)
        async with aclosing(response):
            onward = _onward(client, request, response)
            if onward is None:
                return await _reply(asked, response)
            request = onward
    raise Blocked(f"{host_key(asked.url)} redirects more than {asked.max_redirects} times")


def _content(asked: HttpRead) -> dict[str, Any]:
    if not isinstance(asked, HttpRequest):
        return {}
    if asked.json_body is not None:
        return {"json": asked.json_body}
    return {} if asked.body is None else {"content": asked.body.encode()}


def _onward(
    client: httpx2.AsyncClient, request: httpx2.Request, response: httpx2.Response
) -> httpx2.Request | None:
    """The request that this redirect asks for; none if it is no redirect, or one that is not followed:
    the redirect itself is the answer then. A body is never sent on to another host, and never from
    https to http."""
    if response.status_code not in _REDIRECTS or "location" not in response.headers:
        return None
    url = _next_url(request.url, response.headers["location"])
    is_elsewhere = _origin(url) != _origin(request.url)
    if request.url.scheme == "https" and url.scheme != "https":
        return None
    keeps = response.status_code in {307, 308} or request.method in {"GET", "HEAD"}
    if keeps and is_elsewhere and request.content:
        return None
    kept = {
        name: value
        for name, value in request.headers.items()
        if name in _HARMLESS or (not is_elsewhere and name not in {"host", "content-length"})
    }
    if keeps:
        return client.build_request(request.method, url, headers=kept, content=request.content or None)
    kept.pop("content-type", None)
    return client.build_request("GET", url, headers=kept)


def _next_url(here: httpx2.URL, location: str) -> httpx2.URL:
    """Where a redirect leads; it must keep the rules of a URL that was asked for."""
    try:
        url = here.join(location)
        _URL.validate_python(str(url))
    except (httpx2.InvalidURL, ValidationError, ValueError) as wrong:
        said = wrong.errors()[0]["msg"] if isinstance(wrong, ValidationError) else str(wrong)
        raise Blocked(f"{here.host} redirects to what cannot be followed: {said}") from None
    return url


_URL: TypeAdapter[str] = TypeAdapter(Url)


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _reply(asked: HttpRead, response: httpx2.Response) -> Reply:
    _refuse_failure(asked, response)
    if left_out := _unreadable(response):
        return Reply(response.status_code, str(response.url), _kept(response), "", left_out=left_out)
    # A longer one is cut at `max_bytes`; what nothing comes out of is bounded, too.
    response.stream = Received(response.stream, limit=_MAX_RECEIVED_BYTES)
    body, is_cut = await _read(response.aiter_bytes(), asked.max_bytes)
    text = body.decode(_charset(response), errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return Reply(response.status_code, str(response.url), _kept(response), text, is_cut)


def _refuse_failure(asked: HttpRead, response: httpx2.Response) -> None:
    status = response.status_code
    wait = retry_after.read_header(response.headers.get("retry-after", ""), datetime.now(UTC))
    text = f"{host_key(asked.url)} answered {status}"
    if status == 429:
        seconds = wait.total_seconds() if wait else None
        outcome = rate_limited(seconds, said=text)
        raise AnsweredFailure(text, error=None, outcome=outcome, money=Money.RELEASED)
    if status >= 500:
        error = TransientFailure(text, retry_after=wait)
        raise AnsweredFailure(text, error=error, outcome=failure(text))


async def _read(pieces: AsyncIterator[bytes], limit: int) -> tuple[bytes, bool]:
    """At most `limit` bytes, counted after decompression: what a bomb unfolds to is never kept."""
    body = bytearray()
    async for piece in pieces:
        body += piece[: limit + 1 - len(body)]
        if len(body) > limit:
            return bytes(body[:limit]), True
    return bytes(body), False


def _unreadable(response: httpx2.Response) -> str:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        return f"its encoding {encoding[:60]!r} is none of gzip, deflate"
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return "" if _is_text(kind) else f"its type {kind[:60]!r} is no text"


def _is_text(kind: str) -> bool:
    if not kind or kind.startswith("text/") or kind.endswith(("+json", "+xml")):
        return True
    return kind in {
        "application/json", "application/xml", "application/x-ndjson", "application/jsonlines",
        "application/javascript", "application/x-www-form-urlencoded", "application/yaml",
    }  # fmt: skip


def _charset(response: httpx2.Response) -> str:
    message = Message()
    message["content-type"] = response.headers.get("content-type", "")
    named = str(message.get_param("charset") or "utf-8")
    try:
        b"".decode(named)
    except (LookupError, ValueError):
        return "utf-8"
    return named if named.lower().replace("_", "-") in _CHARSETS else "utf-8"


# Codecs that read text; Python knows others (`zip`, `rot13`, `unicode_escape`) that do something else.
_CHARSETS = {
    "utf-8",
    "utf8",
    "us-ascii",
    "ascii",
    "iso-8859-1",
    "latin-1",
    "iso-8859-15",
    "windows-1252",
    "utf-16",
}


def _kept(response: httpx2.Response) -> dict[str, str]:
    """The headers that are told: bounded, without cookies, which are secrets between host and client."""
    told = [(n, v) for n, v in response.headers.items() if n != "set-cookie"][:_MAX_KEPT_HEADERS]
    return {name[:100]: value[:1_000].replace("\x00", "") for name, value in told}
