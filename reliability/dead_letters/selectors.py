"""The questions that API, commands and `core.dlq` ask about dead letters, their groups and redrives."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from pydantic import BaseModel, ConfigDict

from governance import pagination
from governance.access.actors import Actor
from governance.db import bounded_queries
from governance.errors import DeadLetterNotFound, GroupNotFound
from governance.models import DeadLetter, FailureHour, FailureSignature
from governance.pagination import Asked, Page, Row
from reliability.dead_letters import filters
from reliability.dead_letters.filters import DeadLetterFilter
from reliability.errors import RedriveNotFound
from reliability.models import Redrive, RedriveItem

Model = TypeVar("Model", bound=models.Model)

# What a list shows: enough to judge a letter, without the documents that may weigh a megabyte each.
SUMMARY = (
    "id", "task_id", "status", "cause", "failure_reason", "error_message", "error_class", "task_type",
    "worker_id", "tool_name", "service", "signature_id", "cost_usd", "retries", "created_at", "failed_at",
    "retried_at", "retried_by", "resolved_at", "resolved_by", "resolution", "outcome",
)  # fmt: skip
DETAIL = (*SUMMARY, "rules_version", "snapshot", "attempts", "history")
GROUP = (
    "id", "failure_reason", "task_type", "tool_name", "service", "error_class", "pending", "retrying",
    "resolved", "failures", "redrive_succeeded", "redrive_failed", "cost_usd", "workers", "first_seen",
    "last_seen", "triage", "ignored_until", "ignored_until_failures", "ignored_until_per_hour", "note",
    "triaged_by", "triaged_at", "rules_version",
)  # fmt: skip
REDRIVE = (
    "id", "state", "filter", "filter_text", "reason", "started_by", "pace_per_second", "max_failure_rate",
    "plan", "stage", "total", "waiting", "handed_over", "succeeded", "failed", "skipped", "left_out",
    "stopped_by", "stop_reason", "created_at", "started_at", "finished_at",
)  # fmt: skip
ITEM = ("position", "letter_id", "task_id", "state", "why", "handed_over_at", "settled_at")
TREND = timedelta(days=7)
_CHUNK = 2000
_OPEN = Q(pending__gt=0) | Q(retrying__gt=0)


class GroupFilter(BaseModel):
    """Which groups are meant; `open` (the default) leaves out those whose letters are all resolved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open: bool = True
    triage: list[FailureSignature.Triage] | None = None
    task_type: list[str] | None = None

    def condition(self) -> Q:
        condition = _OPEN if self.open else Q()
        named = {"triage__in": self.triage, "task_type__in": self.task_type}
        return condition & Q(**{column: value for column, value in named.items() if value is not None})


class RedriveFilter(BaseModel):
    """Which redrives are meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: list[Redrive.State] | None = None


class ItemFilter(BaseModel):
    """Which items of a redrive are meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: list[RedriveItem.State] | None = None


def letters(asked: Asked, *, actor: Actor) -> Page:
    """A page of dead letters, newest first: filters, `limit` (at most 200), `cursor`. Nothing is counted."""
    actor.require("governance.view_deadletter")
    chosen = filters.parse_query(asked, besides=pagination.OPTIONS)
    rows, options = DeadLetter.objects.filter(chosen.within()), pagination.options(asked)
    if last := options.after(size=16):
        rows = rows.filter(id__lt=UUID(bytes=last))
    return bounded_queries.page(
        rows, chosen.facts(), columns=SUMMARY, limit=options.limit, key=lambda row: row["id"].bytes,
        is_indexed=chosen.is_indexed(),
    )  # fmt: skip


def letter(letter_id: UUID, *, actor: Actor) -> Row:
    """Everything about one dead letter, with the state of its task, and the workflow that this is a step of;
    raises `DeadLetterNotFound`."""
    actor.require("governance.view_deadletter")
    step = {"step": F("task__step__name"), "workflow_id": F("task__step__workflow_id")}
    row: Row | None = DeadLetter.objects.filter(pk=letter_id).values(*DETAIL, "task__status", **step).first()
    if row is None:
        raise DeadLetterNotFound(letter_id)
    row["task_status"] = row.pop("task__status")
    return row


def letter_ids(chosen: DeadLetterFilter, *, actor: Actor) -> bytes:
    """The ids of all matching letters, oldest first, as they are now: 16 bytes each, one after the other."""
    actor.require("governance.view_deadletter")
    ids = chosen.letters().values_list("pk", flat=True).iterator(chunk_size=_CHUNK)
    return b"".join(letter_id.bytes for letter_id in ids)


def statuses(ids: Sequence[UUID], *, actor: Actor) -> dict[UUID, str]:
    """How these letters stand; unknown ids are left out."""
    actor.require("governance.view_deadletter")
    return dict(DeadLetter.objects.filter(pk__in=ids).values_list("pk", "status"))


def letters_by_id(ids: Sequence[UUID], *, actor: Actor) -> list[Row]:
    """These letters in the order of `ids`; unknown ones are left out."""
    actor.require("governance.view_deadletter")
    found = {row["id"]: row for row in DeadLetter.objects.filter(pk__in=ids).values(*SUMMARY)}
    return [found[letter_id] for letter_id in ids if letter_id in found]


def groups(asked: Asked, *, actor: Actor) -> Page:
    """A page of groups, those that failed last first: filters, `limit` and `cursor`."""
    actor.require("governance.view_failuresignature")
    found = FailureSignature.objects.filter(pagination.parse(GroupFilter, asked).condition())
    options = pagination.options(asked)
    if last := options.after(size=24):
        seen, group_id = pagination.moment_of(last[:8]), UUID(bytes=last[8:])
        found = found.filter(Q(last_seen__lt=seen) | Q(last_seen=seen, id__lt=group_id))
    rows = list(found.order_by("-last_seen", "-id").values(*GROUP)[: options.limit + 1])
    return pagination.page(rows, limit=options.limit, key=_key_of_group)


def group(group_id: UUID, *, actor: Actor, now: datetime | None = None) -> Row:
    """Everything about one group, its failures by hour of the last seven days too; raises `GroupNotFound`."""
    actor.require("governance.view_failuresignature")
    row: Row | None = FailureSignature.objects.filter(pk=group_id).values(*GROUP).first()
    if row is None:
        raise GroupNotFound(group_id)
    since = (now or timezone.now()) - TREND
    hours = FailureHour.objects.filter(signature_id=group_id, hour__gte=since).order_by("hour")
    return {**row, "hours": list(hours.values("hour", "failures"))}


def redrives(asked: Asked, *, actor: Actor) -> Page:
    """A page of redrives, newest first: `state`, `limit` and `cursor`."""
    actor.require("governance.view_deadletter")
    found = _in_state(Redrive.objects.all(), pagination.parse(RedriveFilter, asked).state)
    options = pagination.options(asked)
    if last := options.after(size=16):
        found = found.filter(id__lt=UUID(bytes=last))
    rows = list(found.order_by("-id").values(*REDRIVE)[: options.limit + 1])
    return pagination.page(rows, limit=options.limit, key=lambda row: row["id"].bytes)


def redrive(redrive_id: UUID, *, actor: Actor) -> Row:
    """Everything about one redrive but its items; raises `RedriveNotFound`."""
    actor.require("governance.view_deadletter")
    row: Row | None = Redrive.objects.filter(pk=redrive_id).values(*REDRIVE).first()
    if row is None:
        raise RedriveNotFound(redrive_id)
    return row


def redrive_items(redrive_id: UUID, asked: Asked, *, actor: Actor) -> Page:
    """A page of a redrive's letters and what became of each, in their order; raises `RedriveNotFound`."""
    actor.require("governance.view_deadletter")
    found = _in_state(
        RedriveItem.objects.filter(redrive_id=redrive_id), pagination.parse(ItemFilter, asked).state
    )
    options = pagination.options(asked)
    if last := options.after(size=4):
        found = found.filter(position__gt=int.from_bytes(last) & 0x7FFFFFFF)
    rows = list(found.order_by("position").values(*ITEM)[: options.limit + 1])
    if not rows and not Redrive.objects.filter(pk=redrive_id).exists():
        raise RedriveNotFound(redrive_id)
    return pagination.page(rows, limit=options.limit, key=lambda row: row["position"].to_bytes(4))


def _in_state(found: QuerySet[Model], states: Sequence[str] | None) -> QuerySet[Model]:
    return found if states is None else found.filter(state__in=states)


def _key_of_group(row: Row) -> bytes:
    """Its time and its id: an order in which no two groups are alike."""
    group_id: UUID = row["id"]
    return pagination.moment_key(row["last_seen"]) + group_id.bytes
