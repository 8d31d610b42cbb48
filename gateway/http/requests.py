"""What may be asked of the world over HTTP: a schema that tools share, and the rules for its parts."""

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_BODY_BYTES = 256 * 1024
MAX_ANSWER_BYTES = 128 * 1024
MAX_HEADERS = 30
MAX_HEADER_CHARS = 4_096

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# Visible Latin-1, blanks and tabs: no line end and no other control character (RFC 9110, 5.5).
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
# What stands in no name of a host and in no address; libraries disagree on what to do about it.
_NO_HOST = re.compile(r"[%\[\]<>^`{|}\"'\s]")
# What belongs to the connection or is derived from the request: who sets it could smuggle another one.
_NOT_YOURS = re.compile(
    r"(?:host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade|expect"
    r"|accept-encoding|proxy-.*|sec-.*|http2-settings|x-forwarded-.*|forwarded)",
    re.IGNORECASE,
)


def _reachable(url: str) -> str:
    """An absolute URL of http or https, with a host, without user and password."""
    if any(ord(char) <= 32 or ord(char) == 127 or char == "\\" for char in url):
        raise ValueError("no blanks, backslashes or control characters are allowed in a URL")
    parts = urlsplit(url)
    if parts.scheme.lower() not in {"http", "https"}:
        raise ValueError("a URL that begins with http:// or https:// is expected")
    if "@" in parts.netloc:
        raise ValueError("a URL without user and password is expected")
    if not parts.hostname or _NO_HOST.search(parts.hostname):
        raise ValueError("a URL with a host is expected")
    _ = parts.port  # raises ValueError for a port that is none
    return url


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name[:60]!r} is not the name of a header")
        if _NOT_YOURS.fullmatch(name):
            raise ValueError(f"the header {name} may not be set")
        if len(value) > MAX_HEADER_CHARS or not _VALUE.fullmatch(value):
            raise ValueError(
                f"the header {name} must be one line of at most {MAX_HEADER_CHARS} Latin-1 characters"
            )
    return headers


def _short(text: str) -> str:
    if len(text.encode(errors="surrogatepass")) > MAX_BODY_BYTES:
        raise ValueError(f"at most {MAX_BODY_BYTES} bytes are sent")
    return text


Url = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_reachable)]
Headers = Annotated[dict[str, str], Field(max_length=MAX_HEADERS), AfterValidator(_sendable)]
Body = Annotated[str, AfterValidator(_short)]


class HttpRead(BaseModel):
    """A question over HTTP that changes nothing.

    `max_bytes` bounds the body that is returned, after decompression; a longer one is cut, and the
    answer says so. `seconds` is the time for all of it, redirects included.
    """

    model_config = ConfigDict(extra="forbid")

    url: Url
    method: Literal["GET", "HEAD"] = "GET"
    headers: Headers = Field(default_factory=dict)
    max_bytes: int = Field(default=64 * 1024, ge=0, le=MAX_ANSWER_BYTES)
    max_redirects: int = Field(default=5, ge=0, le=10)
    seconds: float = Field(default=30, gt=0, le=60)


class HttpRequest(HttpRead):
    """A request over HTTP. `json_body` is sent as JSON, `body` as it stands; at most one of them."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"  # type: ignore[assignment]
    json_body: Any = None
    body: Body | None = None

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body is not None and self.body is not None:
            raise ValueError("json_body and body cannot both be given")
        if self.method in {"GET", "HEAD"} and (self.json_body is not None or self.body is not None):
            raise ValueError(f"a {self.method} request has no body")
        return self


def host_key(url: str) -> str:
    """The host of a URL as its breaker is named: lower case, with the port unless it is the scheme's."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}[parts.scheme.lower()]
    host = (parts.hostname or "").rstrip(".")
    named = f"[{host}]" if ":" in host else host
    return named if parts.port in {None, usual} else f"{named}:{parts.port}"
