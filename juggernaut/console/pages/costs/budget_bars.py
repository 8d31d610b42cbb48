"""Budgets as bars: spent, held and free of each window, and what went over."""

from collections.abc import Sequence
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from governance.budgets import BudgetBalance
from juggernaut.console import formatting


def describe(window: BudgetBalance) -> str:
    """The figures in words: `$4.00 spent, $1.00 held, $5.00 free of $10.00`."""
    parts = [f"{formatting.money(window.spent_usd)} spent"]
    parts += [f"{formatting.money(window.held_usd)} held"] if window.held_usd else []
    parts += [f"{formatting.money(window.carried_usd)} carried over"] if window.carried_usd else []
    if window.limit_usd is None or window.free_usd is None:
        return ", ".join([*parts, "no limit"])
    parts.append(f"{formatting.money(window.free_usd)} free")
    return f"{', '.join(parts)} of {formatting.money(window.limit_usd)}"


def overage(window: BudgetBalance) -> SafeString | str:
    """What was booked beyond what had been held, if anything."""
    if not window.overage_usd:
        return ""
    said = f"{formatting.money(window.overage_usd)} over its holds"
    return format_html('<span class="jg-badge jg-bad">{}</span>', said)


def bar(window: BudgetBalance) -> SafeString:
    """One window, drawn and told."""
    return format_html(
        '<div class="jg-window">{}<span class="jg-note">{}</span>{}</div>',
        _drawn(window),
        describe(window),
        overage(window),
    )


def _drawn(window: BudgetBalance) -> SafeString | str:
    if window.limit_usd is None:
        return ""
    parts = (("spent", window.spent_usd + window.carried_usd), ("held", window.held_usd))
    whole = max(window.limit_usd, sum((usd for _, usd in parts), start=Decimal(0)))
    over = whole - window.limit_usd
    drawn = [(name, usd) for name, usd in _fitted(parts, over) if usd]
    return format_html(
        '<span class="jg-bar" aria-hidden="true">{}</span>',
        format_html_join(
            "", '<i class="jg-part-{}" style="width: {}%"></i>', ((n, _percent(u, whole)) for n, u in drawn)
        ),
    )


def _fitted(parts: Sequence[tuple[str, Decimal]], over: Decimal) -> list[tuple[str, Decimal]]:
    """What lies beyond the limit is taken from the first part and drawn last, in another colour."""
    (spent, spent_usd), *rest = parts
    return [(spent, max(Decimal(0), spent_usd - over)), *rest, ("over", over)]


def _percent(usd: Decimal, whole: Decimal) -> str:
    return f"{usd / whole * 100:.2f}" if whole else "0"
