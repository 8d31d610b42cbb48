"""Small pictures of numbers, drawn by the server: no script, no style, colours by class, a title that says
in words what the picture shows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 1000, 120
# What is there is seen, however little it is.
_LEAST = 1.5


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: how much it is, what kind (a CSS class), and what a pointer is told."""

    kind: str
    amount: Decimal | float
    says: str


def columns(values: Sequence[tuple[str, Decimal]], *, says: str) -> SafeString:
    """One column for each value, with what it says; the highest fills the height."""
    most = max((amount for _, amount in values), default=Decimal(0))
    step = WIDTH / max(1, len(values))
    bars = format_html_join(
        "",
        '<rect class="jd-column" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (_column(place * step, step, amount, most, said) for place, (said, amount) in enumerate(values)),
    )
    return _svg("jd-columns", HEIGHT, says, bars)


def share(amount: Decimal, of: Decimal) -> SafeString:
    """A bar as long as the share, for beside the number: told to nobody who cannot see it."""
    width = round(float(amount / of) * WIDTH, 1) if of > 0 else 0
    return format_html(
        '<svg class="jd-share" viewBox="0 0 {} 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="jd-column" width="{}" height="8"/></svg>',
        WIDTH, max(0, min(WIDTH, width)),
    )  # fmt: skip


def bar(parts: Iterable[Part], *, says: str) -> SafeString:
    """The parts one after the other, each as long as its share of all of them.

    There may be thousands on a page, so each is written at once, without `format_html` for each.
    """
    shown = [part for part in parts if part.amount > 0]
    whole = sum(float(part.amount) for part in shown) or 1.0
    drawn, begins = [], 0.0
    for part in shown:
        length = float(part.amount) / whole * WIDTH
        place = f'x="{begins:.2f}" width="{max(length, _LEAST):.2f}" height="12"'
        title = f"<title>{escape(part.says)}</title>"
        drawn.append(f'<rect class="jd-{escape(part.kind)}" {place}>{title}</rect>')
        begins += length
    return _svg("jd-bar", 12, says, mark_safe("".join(drawn)))  # noqa: S308 (escaped piece by piece)


def _svg(kind: str, height: int, says: str, inside: SafeString) -> SafeString:
    return format_html(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>",
        kind, WIDTH, height, says, says, inside,
    )  # fmt: skip


def _column(
    left: float, step: float, amount: Decimal, most: Decimal, said: str
) -> tuple[float, float, float, float, str]:
    height = max(_LEAST, float(amount / most) * HEIGHT) if amount > 0 else 0.0
    gap = min(2.0, step * 0.15)
    return round(left, 2), round(HEIGHT - height, 2), round(step - gap, 2), round(height, 2), said
