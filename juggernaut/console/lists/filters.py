"""The filters of the lists. None of them asks the table which values there are."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from governance.db import uuid7
from governance.models import Task, Worker
from governance.tasks import registry as task_types

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
    column = "assigned_worker"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return [
            (worker_id, worker_id) for worker_id in Worker.objects.order_by("pk").values_list("pk", flat=True)
        ]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class WorkerIdFilter(WorkerFilter):
    column = "worker_id"


class PresetFilter(SimpleListFilter):
    """A filter that shows its first choice unless another is asked for."""

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for place, (value, title) in enumerate(self.lookup_choices):
            yield {
                "selected": self.value() == value or (self.value() is None and place == 0),
                "query_string": changelist.get_query_string({str(self.parameter_name): value}),
                "display": title,
            }


class ChoiceFilter(SimpleListFilter):
    """The values that one column can have."""

    column = ""
    choices_known: Choices = []

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return self.choices_known

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


def choice(column: str, values: Iterable[str], *, title: str = "") -> type[ChoiceFilter]:
    """A filter of these values of a column: `choice("status", Approval.Status.values)`."""
    facts = {
        "title": title or column,
        "parameter_name": column,
        "column": column,
        "choices_known": [(value, value.replace("_", " ")) for value in values],
    }
    return type(f"{column.title()}Choice", (ChoiceFilter,), facts)


class CreatedFilter(SimpleListFilter):
    """When the rows were created; where their ids say it too, they bound what is read."""

    title = "created in"
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> Choices:
        return [(name, label) for name, (label, _) in _SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if self.value() not in _SPANS:
            return queryset
        _, span = _SPANS[str(self.value())]
        return self.since(queryset, timezone.now() - span)

    def since(self, queryset: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
        return queryset.filter(uuid7.created_within(queryset.model, moment, None))


class CreatedAtFilter(CreatedFilter):
    """By the column, where ids are numbers."""

    def since(self, queryset: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
        return queryset.filter(created_at__gte=moment)
