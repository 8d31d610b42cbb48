"""How states, times and sizes look in the console."""

from datetime import datetime
from decimal import Decimal

import orjson
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.durations import words
from governance.models import Task

NOTHING = "–"
MAX_JSON = 20_000

_TONES = {
    Task.Status.PENDING: "waiting",
    Task.Status.IN_PROGRESS: "running",
    Task.Status.PARKED: "held",
    Task.Status.WAITING_APPROVAL: "held",
    Task.Status.COMPLETED: "good",
    Task.Status.FAILED: "bad",
    Task.Status.CANCELLED: "ended",
    "active": "good",
    "paused": "held",
    "running": "good",
    "draining": "held",
    "ok": "good",
    "degraded": "held",
    "down": "bad",
    "silent": "bad",
    "retrying": "running",
    "resolved": "good",
    "open": "bad",
    "known": "held",
    "ignored": "ended",
    "waiting": "waiting",
    "handed_over": "running",
    "succeeded": "good",
    "stopped": "bad",
    "aborted": "ended",
    "submitted": "good",
    "overlap": "held",
    "missed": "held",
    "refused": "bad",
    "skipped": "ended",
}


def badge(state: str) -> SafeString:
    """A state as a coloured word; the colour repeats what the word says."""
    return format_html(
        '<span class="jg-badge jg-{}">{}</span>', _TONES.get(state, "ended"), state.replace("_", " ")
    )


def moment(at: datetime | None, *, now: datetime | None = None) -> SafeString | str:
    """A time as its distance from now, the exact one (UTC) on hover."""
    if at is None:
        return NOTHING
    now = now or timezone.now()
    said = f"in {words(at - now)}" if at > now else f"{words(now - at)} ago"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), said)


def exact(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"


def exact_moment(at: datetime | None) -> SafeString | str:
    """The exact time, and its distance from now."""
    return NOTHING if at is None else format_html("{} ({})", exact(at), moment(at))


def mebibytes(size: int) -> str:
    return f"{size / 1024 / 1024:.0f} MiB"


def money(amount_usd: Decimal) -> str:
    """Dollars to the cent; less than a dollar to as many digits as say something."""
    if amount_usd == 0 or amount_usd >= 1:
        return f"${amount_usd:,.2f}"
    return f"${amount_usd:.9f}".rstrip("0") if amount_usd < Decimal("0.0001") else f"${amount_usd:.4f}"


def json_text(value: object) -> SafeString | str:
    """JSON, indented; a large one is cut, and says so."""
    if value is None:
        return NOTHING
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    cut = f"\n… {len(text) - MAX_JSON:,} more characters" if len(text) > MAX_JSON else ""
    return format_html('<pre class="jg-json">{}{}</pre>', text[:MAX_JSON], cut)


def clip(text: str, *, length: int = 90) -> str:
    """The beginning of the first line."""
    line = text.strip().split("\n")[0]
    return line if len(line) <= length else f"{line[: length - 1]}…"
