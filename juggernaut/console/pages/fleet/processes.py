"""Worker processes in the console: where they run, what they hold, how much memory they take."""

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from governance.models import WorkerProcess
from governance.tasks import explain
from governance.units import mebibytes
from juggernaut.console import formatting
from juggernaut.console.lists import columns
from juggernaut.console.lists.read_only import ReadOnlyAdmin


@admin.register(WorkerProcess)
class WorkerProcessAdmin(ReadOnlyAdmin):
    list_display = ("where", "state_seen", "serves", "in_flight", "finished", "memory", "started", "seen")
    ordering = ("host", "pid")
    nothing_exists = "No worker process is alive, so no task runs. Start some: manage.py run_workers"
    fieldsets = (
        (None, {"fields": (("where", "process_id"), ("state_seen", "serves"), ("started", "seen"))}),
        ("Work", {"fields": (("in_flight", "finished"), ("memory", "version"))}),
    )

    @display(description="Process")
    def where(self, process: WorkerProcess) -> SafeString:
        return format_html('<span class="jg-title">{}</span>', f"{process.host}, pid {process.pid}")

    @display(description="State")
    def state_seen(self, process: WorkerProcess) -> SafeString:
        """One that has fallen silent is shown as that, whatever it said last."""
        alive = explain.is_alive(process, now=timezone.now())
        return formatting.badge(process.state if alive else "silent")

    @display(description="Serves")
    def serves(self, process: WorkerProcess) -> str:
        return ", ".join(process.worker_ids)

    @display(description="Memory")
    def memory(self, process: WorkerProcess) -> str:
        growth = process.rss_bytes - process.rss_at_start_bytes
        return f"{mebibytes(process.rss_bytes)} ({growth / 1024 / 1024:+.0f} since start)"

    started = columns.moment("started_at", "Started")
    seen = columns.moment("last_seen", "Last seen")
