"""The filters of the task list. None of them asks the table which values there are."""

from datetime import timedelta

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from governance import task_types
from governance.admin import search
from governance.models import Task, Worker

_SPANS = {
    "15m": ("the last 15 minutes", timedelta(minutes=15)),
    "1h": ("the last hour", timedelta(hours=1)),
    "24h": ("the last 24 hours", timedelta(hours=24)),
    "7d": ("the last 7 days", timedelta(days=7)),
}

Choices = list[tuple[str, str]]


class StatusFilter(SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return [(status.value, str(status.label).lower()) for status in Task.Status]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Task]") -> "QuerySet[Task]":
        return queryset.filter(status=self.value()) if self.value() else queryset


class TypeFilter(SimpleListFilter):
    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return [(kind.name, kind.name) for kind in task_types.known()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Task]") -> "QuerySet[Task]":
        return queryset.filter(task_type=self.value()) if self.value() else queryset


class WorkerFilter(SimpleListFilter):
    title = "worker"
    parameter_name = "worker"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return [
            (worker_id, worker_id) for worker_id in Worker.objects.order_by("pk").values_list("pk", flat=True)
        ]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Task]") -> "QuerySet[Task]":
        return queryset.filter(assigned_worker=self.value()) if self.value() else queryset


class CreatedFilter(SimpleListFilter):
    title = "created in"
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return [(name, label) for name, (label, _) in _SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Task]") -> "QuerySet[Task]":
        if self.value() not in _SPANS:
            return queryset
        _, span = _SPANS[str(self.value())]
        return queryset.filter(pk__gte=search.id_at(timezone.now() - span))
