"""The questions that API and commands ask about the gates: permissions, approvals, calls, prices.

Each needs the permission to view what it tells. Filters that are lists mean any of them.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from pydantic import BaseModel, ConfigDict

from governance import pagination
from governance.access import permissions
from governance.access.actors import Actor
from governance.access.permissions import Decision
from governance.db import bounded_queries, uuid7
from governance.errors import ApprovalNotFound, ExecutionNotFound
from governance.models import Approval, ModelPrice, PermissionUse, ToolExecution, ToolPermission
from governance.pagination import Asked, Page, Row
from governance.tasks.schemas import Text, Time

PERMISSION = (
    "id", "worker_id", "tool_name", "effect", "max_calls_per_day", "max_calls_per_minute",
    "requires_approval", "valid_from", "valid_until", "granted_by", "created_at",
)  # fmt: skip
APPROVAL = (
    "id", "status", "worker_id", "tool_name", "task_id", "arguments", "price_usd", "created_at",
    "expires_at", "decided_at", "decided_by", "reason", "used_at",
)  # fmt: skip
EXECUTION = (
    "id", "task_id", "worker_id", "tool_name", "service", "model", "status", "rule", "error_message",
    "duration_ms", "cost_usd", "created_at", "ended_at",
)  # fmt: skip
PRICE = (
    "service", "model", "input_usd_per_mtok", "output_usd_per_mtok", "cache_read_usd_per_mtok",
    "cache_write_usd_per_mtok", "request_usd", "set_by", "set_at",
)  # fmt: skip


class Filter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PermissionFilter(Filter):
    """Which permissions are meant; `tool` is the name as it stands in the row."""

    worker: list[Text] | None = None
    tool: list[Text] | None = None
    effect: list[ToolPermission.Effect] | None = None


class ApprovalFilter(Filter):
    """Which approvals are meant."""

    status: list[Approval.Status] | None = None
    worker: list[Text] | None = None
    tool: list[Text] | None = None
    task: list[UUID] | None = None
    created_after: Time | None = None
    created_before: Time | None = None


class ExecutionFilter(Filter):
    """Which calls are meant; `error` is text that the error message contains, in any case."""

    status: list[ToolExecution.Status] | None = None
    worker: list[Text] | None = None
    tool: list[Text] | None = None
    service: list[Text] | None = None
    model: list[Text] | None = None
    task: list[UUID] | None = None
    error: Text | None = None
    created_after: Time | None = None
    created_before: Time | None = None


class PriceFilter(Filter):
    """Which prices are meant."""

    service: list[Text] | None = None
    model: list[Text] | None = None


_COLUMNS = {"worker": "worker_id", "tool": "tool_name", "task": "task_id"}


def listed_permissions(asked: Asked, *, actor: Actor) -> Page:
    """A page of permissions, oldest first, each with the calls of today and of this minute (UTC)."""
    actor.require("governance.view_toolpermission")
    found = ToolPermission.objects.filter(_any_of(pagination.parse(PermissionFilter, asked)))
    options = pagination.options(asked)
    if last := options.after(size=8):
        found = found.filter(id__gt=int.from_bytes(last) & 0x7FFF_FFFF_FFFF_FFFF)
    rows = list(found.order_by("id").annotate(now=Now()).values(*PERMISSION, "now")[: options.limit + 1])
    _count_uses(rows)
    return pagination.page(rows, limit=options.limit, key=lambda row: row["id"].to_bytes(8))


def decision(worker_id: str, tool_name: str, *, actor: Actor) -> Decision:
    """Whether such a call would be allowed now, and by which rule; nothing is counted."""
    actor.require("governance.view_toolpermission")
    return permissions.look(worker_id, tool_name)


def listed_approvals(asked: Asked, *, actor: Actor) -> Page:
    """A page of approvals, newest first."""
    actor.require("governance.view_approval")
    chosen = pagination.parse(ApprovalFilter, asked)
    within = uuid7.created_within(Approval, chosen.created_after, chosen.created_before)
    is_open = _is_only(chosen, "status", {Approval.Status.PENDING, Approval.Status.APPROVED})
    return _newest(Approval.objects.filter(within), _any_of(chosen), APPROVAL, asked, is_indexed=is_open)


def approval(approval_id: UUID, *, actor: Actor) -> Row:
    """Everything about one approval; raises `ApprovalNotFound`."""
    actor.require("governance.view_approval")
    row: Row | None = Approval.objects.filter(pk=approval_id).values(*APPROVAL, "digest").first()
    if row is None:
        raise ApprovalNotFound(approval_id)
    return row


def listed_executions(asked: Asked, *, actor: Actor) -> Page:
    """A page of calls, newest first, without their arguments, which may weigh 16 kB each."""
    actor.require("governance.view_toolexecution")
    chosen = pagination.parse(ExecutionFilter, asked)
    within = uuid7.created_within(ToolExecution, chosen.created_after, chosen.created_before)
    says = Q(error_message__icontains=chosen.error) if chosen.error is not None else Q()
    is_failed = _is_only(chosen, "status", set(ToolExecution.Status) - {ToolExecution.Status.SUCCEEDED})
    return _newest(
        ToolExecution.objects.filter(within), _any_of(chosen) & says, EXECUTION, asked,
        is_indexed=is_failed or chosen.task is not None,
    )  # fmt: skip


def execution(execution_id: UUID, *, actor: Actor) -> Row:
    """Everything about one call, with its redacted arguments; raises `ExecutionNotFound`."""
    actor.require("governance.view_toolexecution")
    found = ToolExecution.objects.filter(pk=execution_id)
    row: Row | None = found.values(*EXECUTION, "arguments", "ends_by").first()
    if row is None:
        raise ExecutionNotFound(execution_id)
    return row


def listed_prices(asked: Asked, *, actor: Actor) -> Page:
    """A page of the prices that operators have set, by service and model."""
    actor.require("governance.view_modelprice")
    found = ModelPrice.objects.filter(_any_of(pagination.parse(PriceFilter, asked)))
    options = pagination.options(asked)
    if last := options.after_text():
        service, middle, model = last.partition("\x00")
        if not middle or "\x00" in model:
            raise pagination.wrong_cursor()
        found = found.filter(Q(service__gt=service) | Q(service=service, model__gt=model))
    rows = list(found.order_by("service", "model").values(*PRICE)[: options.limit + 1])
    return pagination.page(
        rows, limit=options.limit, key=lambda row: f"{row['service']}\x00{row['model']}".encode()
    )


def _any_of(chosen: Filter) -> Q:
    """The condition of the lists of a filter."""
    named = {name: getattr(chosen, name) for name in pagination.lists_of(type(chosen))}
    return Q(
        **{f"{_COLUMNS.get(name, name)}__in": values for name, values in named.items() if values is not None}
    )


def _is_only(chosen: Filter, name: str, few: set[Any]) -> bool:
    """Whether nothing is asked but that this is one of those that an index of the few has."""
    said = chosen.model_fields_set - {"created_after", "created_before"}
    return said == {name} and set(getattr(chosen, name)) <= few


def _newest(
    rows: QuerySet[Any], where: Q, columns: tuple[str, ...], asked: Asked, *, is_indexed: bool
) -> Page:
    """A page of rows whose ids are ordered by time."""
    options = pagination.options(asked)
    if last := options.after(size=16):
        rows = rows.filter(id__lt=UUID(bytes=last))
    return bounded_queries.page(
        rows, where, columns=columns, limit=options.limit, key=lambda row: row["id"].bytes,
        is_indexed=is_indexed,
    )  # fmt: skip


def _count_uses(rows: list[Row]) -> None:
    """Put the calls of the day and of the minute into these rows, and whether they hold now."""
    if not rows:
        return
    now: datetime = rows[0]["now"]
    starts = {span: permissions.start_of(span, now) for span in permissions.SPANS}
    used = PermissionUse.objects.filter(
        worker_id__in={row["worker_id"] for row in rows},
        tool_name__in={row["tool_name"] for row in rows},
        starts_at__in=starts.values(),
    ).values_list("worker_id", "tool_name", "span", "starts_at", "calls")
    calls = {(worker, tool, span): n for worker, tool, span, at, n in used if at == starts[span]}
    for row in rows:
        del row["now"]
        is_allowing = row["effect"] == ToolPermission.Effect.ALLOW
        for span in permissions.SPANS:
            counted = calls.get((row["worker_id"], row["tool_name"], span), 0)
            row[f"calls_this_{span}"] = counted if is_allowing else None
        row["is_in_force"] = _holds(row, now)


def _holds(row: Row, now: datetime) -> bool:
    begun = row["valid_from"] is None or row["valid_from"] <= now
    return begun and (row["valid_until"] is None or row["valid_until"] > now)
