"""Workers in the console: who they are, whether they live, pause and resume."""

from typing import Any

from django.contrib import admin
from django.db.models import Func, IntegerField, Model, QuerySet
from django.forms import CharField, ModelForm
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from governance.access import actors
from governance.models import Worker
from governance.tasks import explain
from governance.workers import services as worker_services
from juggernaut.console import formatting
from juggernaut.console.actions import bulk
from juggernaut.console.lists import columns
from juggernaut.console.lists.read_only import ReadOnlyAdmin


class LivingProcesses(Func):
    """How many living processes serve the worker, and how many tasks they run."""

    template = (
        "(SELECT %(counted)s FROM worker_processes p WHERE worker_registry.worker_id = ANY(p.worker_ids)"
        " AND p.last_seen > now() - interval '%(seconds)s seconds')"
    )
    arity = 0
    output_field = IntegerField()
    seconds = int(explain.ALIVE_WITHIN.total_seconds())

    def __init__(self, counted: str) -> None:
        super().__init__(counted=counted, seconds=self.seconds)


PAUSE = bulk.BulkAction(
    "pause",
    "Paused",
    worker_services.pause,
    (Worker.Status.ACTIVE,),
    "A paused worker is given nothing new. What it runs goes on until its next call, and waits there.",
    is_destructive=False,
    insists=True,
    noun="worker",
    known_by=("description", "worker_id"),
)
RESUME = bulk.BulkAction(
    "resume",
    "Resumed",
    worker_services.resume,
    (Worker.Status.PAUSED,),
    "A resumed worker takes its tasks again, at once.",
    is_destructive=False,
    noun="worker",
    known_by=("description", "worker_id"),
)


class WorkerForm(ModelForm):
    """What may be edited of a worker, and why."""

    reason = CharField(
        max_length=500,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Needed to pause it. Kept in the audit log.",
    )

    def clean(self) -> None:
        super().clean()
        is_pausing = "status" in self.changed_data and self.cleaned_data.get("status") == Worker.Status.PAUSED
        if is_pausing and not self.cleaned_data.get("reason", "").strip():
            self.add_error("reason", "Whoever pauses a worker says why.")


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    form = WorkerForm
    list_display = ("who", "state", "living", "running", "max_concurrency", "heard", "can_run")
    list_filter = ()
    ordering = ("pk",)
    nothing_exists = "The worker registry is empty. The migrations fill it: manage.py migrate"
    actions = ("pause_chosen", "resume_chosen")
    readonly_fields = ("worker_id", "description", "can_run", "heard", "living", "running", "version")
    fieldsets = (
        (None, {"fields": (("worker_id", "description"), ("status", "max_concurrency"), "reason")}),
        ("Life", {"fields": (("living", "running"), ("heard", "version"), "can_run")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(worker_services.PERMISSION)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Worker]":
        found: QuerySet[Worker] = super().get_queryset(request)
        return found.annotate(
            process_count=LivingProcesses("count(*)"),
            in_flight=LivingProcesses("coalesce(sum(p.in_flight), 0)"),
        )

    def save_model(self, request: HttpRequest, obj: Worker, form: ModelForm, change: bool) -> None:
        """What was edited, by the verbs; nothing else of the row is written."""
        said: Any = {"actor": actors.from_user(request.user), "reason": form.cleaned_data["reason"]}
        if "status" in form.changed_data:
            turn = worker_services.pause if obj.status == Worker.Status.PAUSED else worker_services.resume
            turn([obj.pk], **said)
        if "max_concurrency" in form.changed_data:
            worker_services.set_concurrency(obj.pk, max_concurrency=obj.max_concurrency, **said)

    @admin.action(description="Pause", permissions=["change"])
    def pause_chosen(self, request: HttpRequest, queryset: "QuerySet[Worker]") -> HttpResponse | None:
        return bulk.confirm_or_run(self, request, queryset, PAUSE, back=request.get_full_path())

    @admin.action(description="Resume", permissions=["change"])
    def resume_chosen(self, request: HttpRequest, queryset: "QuerySet[Worker]") -> HttpResponse | None:
        return bulk.confirm_or_run(self, request, queryset, RESUME, back=request.get_full_path())

    who = columns.titled("Worker", "worker_id", "description")
    state = columns.badge("status", "Status")
    heard = columns.moment("last_heartbeat", "Last heard of", otherwise="never")

    @columns.number("Living processes")
    def living(self, worker: Any) -> int:
        return int(worker.process_count)

    @columns.number("Running tasks")
    def running(self, worker: Any) -> int:
        return int(worker.in_flight)

    @display(description="Task types")
    def can_run(self, worker: Worker) -> str:
        return ", ".join("all" if kind == "*" else kind for kind in worker.capabilities) or formatting.NOTHING
