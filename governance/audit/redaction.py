"""Redacts arguments and errors before they are stored: no secrets, and bounded size.

Secrets are known by the name they go under (`password`, `api_key`, `Authorization`), or by what they look
like (keys of known makers, bearer tokens, JSON web tokens, URLs with credentials). The size of what is
kept is bounded in every direction; what was left out is said.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

HIDDEN = "[hidden]"
MAX_BYTES = 16_384
MAX_TEXT = 2_000
MAX_ITEMS = 100
MAX_DEPTH = 10
# A secret that begins in what is kept is looked for this far: cut earlier, its head would not be known.
_LOOK_AHEAD = 4_096

_OPAQUE = re.compile(r"pbkdf2_[^']+|[0-9A-Za-z]{32,}")
# Words of a key's name, after `camelCase` and `kebab-case` were parted. `tokens` is a count, not a secret.
_SECRET_NAME = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|pwd|secrets?|token|api_?keys?|access_?keys?|private_?keys?"
    r"|secret_?keys?|auth|authorization|bearer|credentials?|cookies?|jwt|dsn|session_?id|signature|otp)(?:_|$)"
)
_NOT_SECRET_NAME = re.compile(
    r"(?:^|_)token_(?:count|limit|budget|usage|type)(?:_|$)|(?:^|_)(?:max|min)_token$"
)
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

# What a secret looks like, and words of which one stands in any text that holds one: looking for a word
# costs a hundredth of looking for a pattern, and most texts hold no secret.
_LOOKS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = tuple(
    (words, re.compile(pattern), instead)
    for words, pattern, instead in (
        (
            ("private key",),
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}-----|\Z)",
            HIDDEN,
        ),
        # scheme://user:password@host, also with an @ in the password; a user alone may be a token.
        (
            ("://",),
            r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.\-]{0,30}://)[^\s/?#\"'<>]{1,2000}@",
            rf"\g<scheme>{HIDDEN}@",
        ),
        (
            ("bearer", "basic"),
            r"(?i)\b(?P<kind>bearer|basic)\s+[A-Za-z0-9_\-.~+/=%]{8,}",
            rf"\g<kind> {HIDDEN}",
        ),
        # Our own tokens; JSON web tokens. Then: OpenAI, OpenRouter, Anthropic, Stripe; GitHub; GitLab; Slack;
        # AWS; Google; Hugging Face, npm; SendGrid.
        (("jgt_",), r"\bjgt_[A-Za-z0-9_\-]{16,}", HIDDEN),
        (("eyj",), r"\beyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){1,4}", HIDDEN),
        (("sk-", "sk_", "rk-", "rk_", "pk-", "pk_"), r"\b(?:sk|rk|pk)[-_][A-Za-z0-9_\-]{12,}", HIDDEN),
        (("gh", "github_pat_"), r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})", HIDDEN),
        (("glpat-",), r"\bglpat-[A-Za-z0-9_\-]{16,}", HIDDEN),
        (("xox",), r"\bxox[a-z]-[A-Za-z0-9\-]{8,}", HIDDEN),
        (("akia", "asia"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", HIDDEN),
        (("aiza",), r"\bAIza[A-Za-z0-9_\-]{30,}", HIDDEN),
        (("hf_", "npm_"), r"\b(?:hf|npm)_[A-Za-z0-9]{20,}", HIDDEN),
        (("sg.",), r"\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}", HIDDEN),
        # name=value and "name": "value", as in query strings, connection strings, headers, JSON in a text.
        (
            ("pass", "pwd", "secret", "key", "credential", "auth", "cookie", "token"),
            r"(?i)(?P<name>(?:password|passwd|passphrase|pwd|secret|api[_\-]?key|access[_\-]?key"
            r"|private[_\-]?key|credentials?|authorization|cookie|(?<![a-z])(?:auth|token)"
            r"|(?:access|refresh|auth|id|session)[_\-]?token)(?:[_\-](?:key|value))?)"
            r"(?P<is>[\"']?\s{0,3}[=:]\s{0,3})(?P<value>\"[^\"]*\"?|'[^']*'?|[^\s&;,\"'})\]]+)",
            rf"\g<name>\g<is>{HIDDEN}",
        ),
    )
)


# Secrets of this system, by themselves. Shorter ones are words (`postgres`), and would hide what is none.
_SHORTEST = 12
_own: set[str] = set()


def learn(*secrets: str | None) -> None:
    """Hide these from now on wherever they turn up, whatever they look like."""
    _own.update(secret for secret in secrets if secret and len(secret) >= _SHORTEST)


def learn_urls(*urls: str) -> None:
    """Hide the passwords of these URLs, as they are written there and as they are meant."""
    passwords = [_password(url) for url in urls]
    learn(*passwords, *map(unquote, passwords))


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:  # no URL has a password that could be told apart
        return ""


def hide(value: str) -> str:
    """The text without secrets, whole."""
    for secret in _own:
        value = value.replace(secret, HIDDEN)
    lowered = value.lower()
    for words, pattern, instead in _LOOKS:
        if any(word in lowered for word in words):
            value = pattern.sub(instead, value)
    return value


def arguments(value: Any) -> Any:
    """The value as it may be kept: JSON without secrets, of at most `MAX_BYTES`."""
    kept = _clean(value, MAX_DEPTH, _Room(4 * MAX_BYTES))
    written = orjson.dumps(kept)
    if len(written) <= MAX_BYTES:
        return kept
    shown = written[:MAX_TEXT].decode(errors="ignore")
    return {"cut": f"{len(written)} bytes; the beginning is kept", "beginning": shown}


def text(value: str, *, limit: int = MAX_TEXT) -> str:
    """The text as it may be kept: without secrets, at most about `limit` characters."""
    looked_at = value[: limit + _LOOK_AHEAD].replace("\x00", "\\0")
    looked_at = looked_at.encode(errors="replace").decode()
    looked_at = hide(looked_at)
    if len(value) <= limit + _LOOK_AHEAD and len(looked_at) <= limit:
        return looked_at
    return f"{looked_at[:limit]}… ({len(value)} characters)"


def statement(sql: str, *, limit: int) -> str:
    """An SQL statement on one line as operators may see it, of at most `limit` characters.

    Its literals may be digests of tokens, keys of sessions and hashes of passwords: pg_stat_statements keeps
    them where it had no room to note the statement before it ran.
    """
    shown = _OPAQUE.sub(HIDDEN, hide(" ".join(sql.split())))
    return shown if len(shown) <= limit else f"{shown[:limit]}…"


def is_secret(name: str) -> bool:
    """Whether what goes under this name is a secret."""
    parted = _WORD_BREAK.sub("_", name).replace("-", "_").replace(" ", "_").replace(".", "_").lower()
    return bool(_SECRET_NAME.search(parted)) and not _NOT_SECRET_NAME.search(parted)


@dataclass
class _Room:
    """How many characters and values may still be looked at: enough that what is kept is full."""

    left: int

    def take(self, size: int) -> bool:
        self.left -= size
        return self.left >= 0


def _clean(value: Any, depth: int, room: _Room) -> Any:
    if not room.take(len(value) if isinstance(value, str) else 1):
        return "…"
    if value is None or isinstance(value, bool | int | float):
        return _number(value)
    if isinstance(value, str):
        return text(value)
    if depth == 0:
        return "[nested too deeply]"
    if isinstance(value, dict):
        return _object(value, depth - 1, room)
    if isinstance(value, list | tuple):
        kept = [_clean(item, depth - 1, room) for item in value[:MAX_ITEMS]]
        left = len(value) - MAX_ITEMS
        return [*kept, f"… {left} more"] if left > 0 else kept
    return text(str(value))


def _object(value: dict[Any, Any], depth: int, room: _Room) -> dict[str, Any]:
    kept = {}
    for name, inner in list(value.items())[:MAX_ITEMS]:
        shown = text(str(name), limit=200)
        kept[shown] = HIDDEN if is_secret(str(name)) and _holds(inner) else _clean(inner, depth, room)
    if len(value) > MAX_ITEMS:
        kept["…"] = f"{len(value) - MAX_ITEMS} more"
    return kept


def _holds(inner: Any) -> bool:
    """Whether there is anything to hide: nothing, a truth value and an empty text tell no secret."""
    return inner is not None and not isinstance(inner, bool) and inner != ""


def _number(value: Any) -> Any:
    """What JSON cannot say as a number is said as text."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return text(str(value)) if value.bit_length() < 10_000 else "[a very large number]"
    return value
