"""Rate limits of tools and services, for all workers together."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from governance.models.defaults import SqlUser
from governance.models.permission import MAX_TOOL_NAME, TOOL_NAME

MOST_CALLS = 100_000
LONGEST_SECONDS = 86_400


class RateLimit(models.Model):
    """At most `max_calls` in any `per_seconds` (`rate_limits`), counted over all workers and processes.

    `name` is a tool (`http.request`), the beginning of tools (`files.*`), or a service (`openrouter`).
    A call is counted under every limit that it falls under, and made only if all of them have room.
    """

    name = models.CharField(max_length=MAX_TOOL_NAME, primary_key=True)
    max_calls = models.IntegerField()
    per_seconds = models.FloatField(db_default=60)
    set_by = models.CharField(max_length=160, db_default=SqlUser())
    set_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "rate_limits"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(name="rate_limit_name", condition=Q(name__regex=TOOL_NAME)),
            # Each call of the window is remembered for its length: neither may be endless.
            models.CheckConstraint(name="rate_limit_calls", condition=Q(max_calls__range=(1, MOST_CALLS))),
            models.CheckConstraint(
                name="rate_limit_seconds", condition=Q(per_seconds__range=(0.1, LONGEST_SECONDS))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.max_calls} calls in {self.per_seconds:g} s"

    def covers(self, tool_name: str, service: str) -> bool:
        """Whether such a call is counted here."""
        if self.name.endswith(".*"):
            return tool_name.startswith(self.name[:-1])
        return self.name in (tool_name, service)
