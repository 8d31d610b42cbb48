"""Tools `http.get` and `http.request`: the public web, one request a call."""

from typing import Any

from gateway import http
from gateway.http.requests import HttpRead, HttpRequest
from reliability.calls.types import CallPermit
from workers import tools
from workers.tools.http_hosts import target


@tools.register("http.get", schema=HttpRead, seconds=60, effect="none", on_unknown="retry", target=target)
async def get(arguments: HttpRead, permit: CallPermit) -> dict[str, Any]:
    """Read a public web address (GET or HEAD). Answers status, headers and the body as text.

    Only public addresses are reached, redirects are followed. A status of 4xx is an answer. Bodies that
    are no text are left out, long ones are cut (`truncated`).
    """
    return (await http.fetch(arguments, seconds=permit.seconds)).as_answer()


def _repeatable(arguments: HttpRequest) -> tools.OnUnknown:
    """What only reads can be sent again; whether anything else may, a person decides."""
    return "retry" if arguments.method in {"GET", "HEAD"} else "ask"


@tools.register(
    "http.request",
    schema=HttpRequest,
    seconds=60,
    effect="outside",
    on_unknown=_repeatable,
    target=target,
)
async def request(arguments: HttpRequest, permit: CallPermit) -> dict[str, Any]:
    """Make an HTTP request to a public address, with method, headers and a body (`json_body` or `body`).

    Answers status, headers and the body as text. A status of 4xx is an answer. Bodies that are no text
    are left out, long ones are cut (`truncated`).
    """
    return (await http.fetch(arguments, seconds=permit.seconds)).as_answer()
