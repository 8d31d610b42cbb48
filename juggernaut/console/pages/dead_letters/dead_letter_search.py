"""Finding dead letters: by their id or their task's, by what the error says among the newest."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from governance.db import uuid7
from governance.errors import InvalidFilter
from governance.models import DeadLetter, FailureSignature, Worker
from governance.tasks import registry as task_types
from juggernaut.console import formatting
from juggernaut.console.lists import filters, search
from reliability.dead_letters import filters as dead_letters_filters
from reliability.dead_letters.filters import DeadLetterFilter

# Tools and services are offered as far as failures that are open name them.
NAMES_OFFERED = 50
_SPANS = {
    "1h": ("the last hour", timedelta(hours=1)),
    "24h": ("the last 24 hours", timedelta(hours=24)),
    "7d": ("the last 7 days", timedelta(days=7)),
}

Letters = QuerySet[DeadLetter]


def dead_letters(found: Letters, term: str) -> Letters:
    """The letters whose id, or task's id, begins with `term`, or whose error contains it."""
    term = term.strip()
    if span := search.id_range(term):
        first, last = span
        return found.filter(Q(pk__range=span) | Q(task_id__gte=first, task_id__lte=last))
    return search.among_newest(found).filter(dead_letters_filters.parse({"matching": term}).condition())


def filters_of(request: HttpRequest) -> DeadLetterFilter | None:
    """The filter that the list's address means, frozen in time; None if it searches an id.

    Raises `InvalidFilter` for values that no list has offered.
    """
    address = request.GET
    said: dict[str, Any] = {kind.parameter_name: address.get(kind.parameter_name) for kind in FILTERS}
    _, span = _SPANS.get(said.pop("created") or "", ("", None))
    said["created_after"] = (timezone.now() - span).isoformat() if span else None
    said["matching"] = address.get("q", "").strip()
    if search.id_range(said["matching"]):
        return None
    return dead_letters_filters.parse({name: value for name, value in said.items() if value})


class _Filter(SimpleListFilter):
    """A filter whose name in the address is its name in a `DeadLetterFilter`."""

    def queryset(self, request: HttpRequest, queryset: Letters) -> Letters:
        if not self.value():
            return queryset
        try:
            return queryset.filter(
                dead_letters_filters.parse({self.parameter_name: self.value()}).condition()
            )
        except InvalidFilter:
            return queryset.none()


class StatusFilter(_Filter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> filters.Choices:
        return [(status.value, status.value) for status in DeadLetter.Status]


class CauseFilter(_Filter):
    title = "cause"
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> filters.Choices:
        return [(cause.value, str(cause.label).lower()) for cause in DeadLetter.Cause]


class TypeFilter(_Filter):
    title = "task type"
    parameter_name = "task_type"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> filters.Choices:
        return [(kind.name, kind.name) for kind in task_types.known()]


class WorkerFilter(_Filter):
    title = "worker"
    parameter_name = "worker"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> filters.Choices:
        return [(name, name) for name in Worker.objects.order_by("pk").values_list("pk", flat=True)]


class _NameFilter(_Filter):
    """The names that open failures carry in one column of their groups, and the one that is asked for:
    Django drops a filter that offers nothing, and what was to be a few letters would be all."""

    column: str

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> filters.Choices:
        named = FailureSignature.objects.filter(Q(pending__gt=0) | Q(retrying__gt=0)).exclude(
            **{self.column: ""}
        )
        names = named.order_by(self.column).values_list(self.column, flat=True).distinct()
        asked_for = request.GET.get(str(self.parameter_name), "")
        return [(name, name) for name in sorted({*names[:NAMES_OFFERED], asked_for} - {""})]


class ToolFilter(_NameFilter):
    title = "tool"
    parameter_name = "tool"
    column = "tool_name"


class ServiceFilter(_NameFilter):
    title = "service"
    parameter_name = "service"
    column = "service"


class GroupFilter(_Filter):
    """Offered on the way from a group alone: to choose among thousands, there is the list of groups."""

    title = "group"
    parameter_name = "signature"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> filters.Choices:
        chosen = request.GET.get("signature", "")
        found = FailureSignature.objects.filter(pk=chosen).first() if _is_id(chosen) else None
        name = formatting.clip(found.failure_reason, length=60) if found else "unknown"
        return [(chosen, name)] if chosen else []


class CreatedFilter(SimpleListFilter):
    title = "created in"
    parameter_name = "created"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> filters.Choices:
        return [(name, label) for name, (label, _) in _SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: Letters) -> Letters:
        if self.value() not in _SPANS:
            return queryset
        _, span = _SPANS[str(self.value())]
        since = timezone.now() - span
        return queryset.filter(uuid7.created_within(DeadLetter, since, None))


FILTERS = (
    StatusFilter, CauseFilter, TypeFilter, WorkerFilter, ToolFilter, ServiceFilter, CreatedFilter,
    GroupFilter,
)  # fmt: skip


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
