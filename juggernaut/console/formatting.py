"""Formatting of states, times, money and sizes in the console."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import orjson
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.models import Task
from governance.units import roughly

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
    "notice": "waiting",
    "warning": "held",
    "critical": "bad",
    "retrying": "running",
    "resolved": "good",
    "open": "bad",
    "forced_open": "bad",
    "half_open": "held",
    "disabled": "held",
    "closed": "good",
    "known": "held",
    "ignored": "ended",
    "waiting": "waiting",
    "handed_over": "running",
    "succeeded": "good",
    "stopped": "bad",
    "aborted": "ended",
    "allow": "good",
    "deny": "bad",
    "asks a person": "held",
    "later": "waiting",
    "approved": "good",
    "rejected": "bad",
    "sent": "running",
    "refused": "held",
    "settled": "good",
    "unknown": "held",
    "shadow": "waiting",
    "submitted": "good",
    "overlap": "held",
    "missed": "held",
    "skipped": "ended",
}


def tone(state: str) -> str:
    """The colour of a state."""
    return _TONES.get(state, "ended")


def badge(state: str, *, tone: str = "") -> SafeString:
    """A state as a coloured word; the colour repeats what the word says."""
    tone = tone or _TONES.get(state, "ended")
    return format_html('<span class="jg-badge jg-{}">{}</span>', tone, state.replace("_", " "))


def moment(at: datetime | None, *, now: datetime | None = None) -> SafeString | str:
    """A time as its distance from now, the exact one (UTC) on hover."""
    if at is None:
        return NOTHING
    now = now or timezone.now()
    said = f"in {roughly(at - now)}" if at > now else f"{roughly(now - at)} ago"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), said)


def exact(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"


def exact_moment(at: datetime | None) -> SafeString | str:
    """The exact time, and its distance from now."""
    return NOTHING if at is None else format_html("{} ({})", exact(at), moment(at))


def note(said: str) -> SafeString:
    """The beginning of a long text, more of it on hover."""
    return format_html('<span class="jg-note" title="{}">{}</span>', said[:1000], clip(said))


def short_id(row_id: UUID | str) -> SafeString:
    """As much of an id as names its row among others, and finds it in a search; all of it on hover."""
    return format_html('<span class="jg-id" title="{}">{}</span>', row_id, str(row_id)[:13])


def copied(text: object) -> SafeString:
    """A text in full with a button that copies it."""
    return format_html(
        '<span class="jg-id">{0}</span><button type="button" class="jg-icon jg-copy" data-copy="{0}" '
        'aria-label="Copy {0}"><span class="material-symbols-outlined" aria-hidden="true">content_copy</span>'
        "</button>",
        text,
    )


def task_link(task_id: UUID | None) -> SafeString | str:
    """The id of a task as a link to its page."""
    if task_id is None:
        return NOTHING
    address = reverse("admin:governance_task_change", args=[task_id])
    return format_html(
        '<a class="jg-link jg-id" href="{0}" title="{1}">{2}</a>', address, task_id, str(task_id)[:13]
    )


def money(amount_usd: Decimal) -> str:
    """Dollars to the cent; less than a dollar to as many digits as say something."""
    if amount_usd == 0 or amount_usd >= 1:
        return f"${amount_usd:,.2f}"
    return f"${amount_usd:.9f}".rstrip("0") if amount_usd < Decimal("0.0001") else f"${amount_usd:.4f}"


def usd(amount_usd: Decimal | None) -> SafeString | str:
    """Dollars to the last digit that is not zero, as the ledger has them; the cents are always shown."""
    if amount_usd is None:
        return NOTHING
    whole, _, digits = f"{amount_usd:,.9f}".partition(".")
    cents = digits.rstrip("0").ljust(2, "0")
    return format_html('<data value="{}">${}.{}</data>', f"{amount_usd:f}", whole, cents)


def json_text(value: object) -> SafeString | str:
    """JSON, indented; a large one is cut, and says so."""
    if value is None:
        return NOTHING
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    cut = f"\n… {len(text) - MAX_JSON:,} more characters" if len(text) > MAX_JSON else ""
    return format_html('<pre class="jg-json" tabindex="0">{}{}</pre>', text[:MAX_JSON], cut)


def inline_json(value: object) -> str:
    """JSON in one line."""
    return orjson.dumps(value).decode()


def clip(text: str, *, length: int = 90) -> str:
    """The beginning of the first line."""
    line = text.strip().split("\n")[0]
    return line if len(line) <= length else f"{line[: length - 1]}…"
