"""Template tags of the console: states, times and spans."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.contrib.admin.helpers import Fieldset
from django.contrib.admin.views.main import ChangeList
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from governance.units import words
from governance.workers import services as worker_services
from juggernaut.console import cells, formatting

register = template.Library()


@register.simple_tag
def state_badge(state: str) -> SafeString:
    """A state as a coloured word."""
    return formatting.badge(state)


@register.filter
def tone(state: str) -> str:
    """The colour of a state, as a class."""
    return formatting.tone(state)


@register.filter
def copied(text: object) -> SafeString:
    """A text with a button that copies it."""
    return formatting.copied(text)


@register.filter
def short_id(row_id: object) -> SafeString:
    """The beginning of an id."""
    return formatting.short_id(str(row_id))


@register.filter
def clock(at: datetime) -> SafeString:
    """A time to the millisecond without its year: where many stand below each other."""
    said = f"{at:%b} {at.day} {at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), formatting.exact(at), said)


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """A time as its distance from now."""
    return formatting.moment(at)


@register.filter
def exact(at: datetime) -> str:
    """A time to the millisecond, in UTC."""
    return formatting.exact(at)


@register.filter
def money(amount_usd: Decimal) -> str:
    """An amount in dollars."""
    return formatting.money(amount_usd)


@register.filter
def usd(amount_usd: Decimal | None) -> SafeString | str:
    """An amount in dollars, exactly."""
    return formatting.usd(amount_usd)


@register.filter
def span(length: timedelta) -> str:
    """A span of time; short ones in milliseconds."""
    milliseconds = length.total_seconds() * 1000
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else words(length)


@register.filter
def as_json(value: object) -> SafeString | str:
    """JSON, indented."""
    return formatting.json_text(value)


@register.inclusion_tag("governance/fleet_banner.html", takes_context=True)
def fleet_banner(context: Context) -> dict[str, Any]:
    """What stands on top of every page while the fleet is paused, and the button that resumes it."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_staff:
        return {}
    may_resume = user.has_perm(worker_services.FLEET_PERMISSION)
    return {"fleet": worker_services.fleet(), "may_resume": may_resume}


@register.filter
def as_line(value: object) -> str:
    """JSON in one line."""
    return formatting.inline_json(value)


@register.inclusion_tag("governance/results.html")
def console_results(cl: ChangeList) -> dict[str, Any]:
    """The rows of a list, each with its key."""
    return {"cl": cl, "headers": cells.headers(cl), "rows": cells.rows(cl)}


@register.filter
def chosen(choices: list[dict[str, Any]]) -> dict[str, Any]:
    """The choice of a filter that is on; `is_set` if it is not the one that it has by itself."""
    for place, choice in enumerate(choices):
        if choice["selected"]:
            return {**choice, "is_set": place > 0, "display": choice["display"] if place else ""}
    return {}


@register.filter
def is_read_only(fieldset: Fieldset) -> bool:
    """Whether nothing of it can be edited, so that it is a list of facts."""
    return all(getattr(field, "is_readonly", False) for line in fieldset for field in line)
