"""How the console's templates write states, times and spans."""

from datetime import datetime, timedelta
from decimal import Decimal

from django import template
from django.utils.safestring import SafeString

from governance import looks
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
def span(length: timedelta) -> str:
    """A span of time; short ones in milliseconds."""
    milliseconds = length.total_seconds() * 1000
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else words(length)


@register.filter
def as_json(value: object) -> SafeString | str:
    """JSON, indented."""
    return looks.json_text(value)


@register.filter
def as_line(value: object) -> str:
    """JSON in one line."""
    return looks.inline_json(value)
