"""The watchdog's sweeps in the console. django-q2's own tables are machinery and have no page."""

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success
from unfold.decorators import display

from juggernaut.console.lists import columns
from juggernaut.console.lists.read_only import ReadOnlyAdmin
from reliability.models import WatchdogSweep

# Their actions name no permission, so whoever may look could also resubmit and delete.
# Which of them django-q2 registers depends on the cluster's broker.
admin.site.unregister([kind for kind in (Schedule, Success, Failure, OrmQ) if admin.site.is_registered(kind)])


@admin.register(WatchdogSweep)
class WatchdogSweepAdmin(ReadOnlyAdmin):
    list_display = ("at", "leader", "took", "did", "failed")
    list_display_links = None
    ordering = ("-started_at",)
    nothing_exists = "The watchdog has never swept. Start it: python watchdog_main.py"

    at = columns.exact("started_at", "Sweep")
    failed = columns.note("error", "Failed")

    @columns.number("Duration")
    def took(self, sweep: WatchdogSweep) -> str:
        return f"{sweep.duration_ms} ms"

    @display(description="Did")
    def did(self, sweep: WatchdogSweep) -> str:
        return (
            ", ".join(f"{name} {count}" for name, count in sweep.counts.items() if count) or "nothing to do"
        )
