"""How the console's templates write states, times and spans."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from governance import looks, worker_control
from governance.durations import words

register = template.Library()


@register.simple_tag
def state_badge(state: str) -> SafeString:
    """A state as a coloured word."""
    return looks.badge(state)


@register.filter
def moment(at: datetime | None) -> SafeString | str:
    """A time as its distance from now."""
    return looks.moment(at)


@register.filter
def exact(at: datetime) -> str:
    """A time to the millisecond, in UTC."""
    return looks.exact(at)


@register.filter
def money(amount_usd: Decimal) -> str:
    """An amount in dollars."""
    return looks.money(amount_usd)


@register.filter
def usd(amount_usd: Decimal | None) -> SafeString | str:
    """An amount in dollars, exactly."""
    return looks.usd(amount_usd)


@register.filter
def span(length: timedelta) -> str:
    """A span of time; short ones in milliseconds."""
    milliseconds = length.total_seconds() * 1000
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else words(length)


@register.filter
def as_json(value: object) -> SafeString | str:
    """JSON, indented."""
    return looks.json_text(value)


@register.inclusion_tag("governance/fleet_banner.html", takes_context=True)
def fleet_banner(context: Context) -> dict[str, Any]:
    """What stands on top of every page while the fleet is paused, and the button that resumes it."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_staff:
        return {}
    may_resume = user.has_perm(worker_control.FLEET_PERMISSION)
    return {"fleet": worker_control.fleet(), "may_resume": may_resume}


@register.filter
def as_line(value: object) -> str:
    """JSON in one line."""
    return looks.inline_json(value)
