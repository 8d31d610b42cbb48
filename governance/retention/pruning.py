"""Doing the walks: all of them to their end, or each a little further."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.errors import FieldError, InvalidInput
from governance.models import RetentionRule, RetentionWalk
from governance.retention import batches, rules
from governance.retention.batches import BatchedScan
from governance.retention.rules import Cutoffs

# Between the end of one walk of the watchdog's and the beginning of the next.
REST = timedelta(hours=1)
# A window is some hundred keys, and each statement goes from them to what belongs to them. How many that are
# the planner cannot know of a tree: it would rather read all tasks once, for every window anew.
_BY_INDEX = """SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off"""
_WATCHDOG = Actor(name="watchdog", is_trusted=True)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction removed of which table (or would have), and whether its walk is over."""

    walk: str
    deleted: Counter[str]
    is_last: bool


def prune(
    *,
    actor: Actor,
    now: datetime | None = None,
    older_than: timedelta | None = None,
    only: Sequence[str] = (),
    is_dry: bool = False,
    reason: str = "",
) -> Iterator[Step]:
    """Walk over everything (or the walks that `only` names) from the beginning to the end, step by step.

    Each step is a transaction: whoever stops in between, or is killed, has removed whole tasks only. What was
    removed is told to the audit log when a walk ends, also one that is left early. A dry run changes nothing.
    Needs `governance.change_retentionrule`; raises `InvalidInput` for a walk that there is not.
    """
    actor.require(rules.PERMISSION)
    chosen = _chosen(only)
    cutoffs = rules.cutoffs(now or timezone.now(), older_than=older_than)
    return _walked(chosen, cutoffs, actor=actor, is_dry=is_dry, reason=reason)


def _chosen(only: Sequence[str]) -> list[BatchedScan]:
    known = batches.all_scans()
    if wrong := [name for name in only if name not in known]:
        raise InvalidInput([FieldError("only", f"{wrong[0]!r} is none of: {', '.join(known)}")])
    return [walk for name, walk in known.items() if not only or name in only]


def _walked(
    chosen: Sequence[BatchedScan], cutoffs: Cutoffs, *, actor: Actor, is_dry: bool, reason: str
) -> Iterator[Step]:
    for walk in chosen:
        if not walk.is_due(cutoffs):
            continue
        total: Counter[str] = Counter()
        try:
            position, is_last = "", False
            while not is_last:
                position, deleted = _step(walk, position, cutoffs, is_dry=is_dry)
                total, is_last = total + deleted, not position
                yield Step(walk.name, deleted, is_last)
        finally:
            if total and not is_dry:
                _tell(actor, walk, total, cutoffs, reason)


@transaction.atomic
def _step(walk: BatchedScan, position: str, cutoffs: Cutoffs, *, is_dry: bool) -> tuple[str, Counter[str]]:
    """One window; where it ended ('' is the end of the table) and what was removed."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_INDEX)
    keys = walk.keys(position, cutoffs)
    deleted = walk.sift(keys, cutoffs, is_dry) if keys else Counter()
    if sum(deleted.values()) and not is_dry:
        _note_horizon(walk, cutoffs)
    return (str(keys[-1]) if len(keys) == walk.window else ""), +deleted


def _note_horizon(walk: BatchedScan, cutoffs: Cutoffs) -> None:
    """Full checks of the books leave out what is older: its holds may be gone."""
    for rule in RetentionRule.objects.select_for_update().filter(pk__in=walk.rules).order_by("pk"):
        before = cutoffs[rule.name]
        if before and (rule.pruned_before is None or rule.pruned_before < before):
            rule.pruned_before = before
            rule.save(update_fields=["pruned_before"])


def _tell(actor: Actor, walk: BatchedScan, total: Counter[str], cutoffs: Cutoffs, reason: str) -> None:
    before = {rule: at.isoformat() for rule in walk.rules if (at := cutoffs[rule])}
    with transaction.atomic():
        audit.record(
            actor, action="retention.prune", target=f"retention {walk.name}", reason=reason,
            after={"deleted": dict(total), "before": before},
        )  # fmt: skip


# ------------------------------------------------------------------------------------- the watchdog's share


def run_slice(*, now: datetime, seconds: float) -> int:
    """Go on with every walk that does not rest, for so long altogether; how many rows were removed.

    At least one step is taken if any is due, and the walk that has waited longest goes first.
    """
    until, removed = time.monotonic() + seconds, 0
    cutoffs = rules.cutoffs(now)
    while (walk := _next_due(now, cutoffs)) is not None:
        removed += _step_on(walk, now, cutoffs)
        if time.monotonic() >= until:
            break
    return removed


def _next_due(now: datetime, cutoffs: Cutoffs) -> BatchedScan | None:
    rows = {row.name: row for row in RetentionWalk.objects.all()}
    due = [
        (row.stepped_at if row else _NEVER, walk.name)
        for walk in batches.all_scans().values()
        if walk.is_due(cutoffs) and not ((row := rows.get(walk.name)) and row.is_resting(now))
    ]
    return batches.all_scans()[min(due)[1]] if due else None


@transaction.atomic
def _step_on(walk: BatchedScan, now: datetime, cutoffs: Cutoffs) -> int:
    """The next window of a walk, with its new position in the same transaction."""
    RetentionWalk.objects.get_or_create(pk=walk.name)
    row = RetentionWalk.objects.select_for_update().get(pk=walk.name)
    row.position, deleted = _step(walk, row.position, cutoffs, is_dry=False)
    total = Counter(row.deleted) + deleted
    row.deleted = dict(total)
    if not row.position:
        if total:
            _tell(_WATCHDOG, walk, total, cutoffs, "")
        row.deleted, row.rests_until = {}, now + REST
    row.stepped_at = timezone.now()
    row.save()
    return sum(deleted.values())
