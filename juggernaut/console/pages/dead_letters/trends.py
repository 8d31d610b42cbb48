"""Failure trends: counts by hour, and the small chart of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from governance.models import FailureHour

HOURS = 24
_HOUR = timedelta(hours=1)
_BAR, _GAP, _HEIGHT = 4, 1, 24


@dataclass(frozen=True)
class Trend:
    """Failures of a group by hour, oldest first; the last hour is still going on."""

    hours: Sequence[int]

    @property
    def total(self) -> int:
        return sum(self.hours)

    @property
    def says(self) -> str:
        if not self.total:
            return f"none in the last {len(self.hours)} h"
        return f"{self.total:,} in the last {len(self.hours)} h, at most {max(self.hours):,} in one hour"

    def drawn(self) -> SafeString:
        """The trend as bars that inherit the text's colour; an hour without failures is a line of dust."""
        tallest = max(self.hours, default=0)
        bars = format_html_join(
            "",
            '<rect x="{}" y="{}" width="{}" height="{}"/>',
            (_bar(place, count, tallest) for place, count in enumerate(self.hours)),
        )
        width = len(self.hours) * (_BAR + _GAP) - _GAP
        return format_html(
            '<svg class="jg-trend" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img">'
            "<title>{}</title>{}</svg>",
            width,
            _HEIGHT,
            self.says,
            bars,
        )


def of(groups: Iterable[UUID], *, now: datetime, hours: int = HOURS) -> dict[UUID, Trend]:
    """The trend of each group up to the hour that `now` is in: one query, however many there are."""
    last = now.replace(minute=0, second=0, microsecond=0)
    first = last - (hours - 1) * _HOUR
    counts = {group: [0] * hours for group in groups}
    found = FailureHour.objects.filter(signature_id__in=list(counts), hour__range=(first, last))
    for group, hour, failures in found.values_list("signature_id", "hour", "failures"):
        counts[group][(hour - first) // _HOUR] += failures
    return {group: Trend(tuple(by_hour)) for group, by_hour in counts.items()}


def _bar(place: int, count: int, tallest: int) -> tuple[int, float, int, float]:
    height = max(2.0, round(_HEIGHT * count / tallest, 1)) if count else 0.5
    return place * (_BAR + _GAP), _HEIGHT - height, _BAR, height
