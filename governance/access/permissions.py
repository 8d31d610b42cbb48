"""May this worker make this call? No row means no, deny wins, quotas are exact.

`check` answers and counts the call in one statement, on the database's clock, so that 16 processes at
once are told yes exactly as often as the quota says, and a row changed in SQL binds at the next call.
Call it in a transaction of its own: until that ends, others who call under the same quota wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from governance import units
from governance.access.actors import Actor
from governance.access.schemas import PermissionInput
from governance.audit import log as audit
from governance.errors import FieldError, InvalidInput, PermissionNotFound
from governance.models import PermissionUse, ToolPermission, Worker

PERMISSION = "governance.grant_toolpermission"
SPANS = {"day": timedelta(days=1), "minute": timedelta(minutes=1)}
# Rows of quotas are read until their day has ended; some are kept longer for a person to see.
USES_KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of one call, and the rule that decided: fit to be kept beside the call.

    `quotas` are the spans (`day`, `minute`) in which the call was counted; `give_back` undoes that.
    `retry_at` is when a quota that refused resets. An allowed call that `needs_approval` may be
    made only with one.
    """

    worker_id: str
    tool_name: str
    is_allowed: bool
    rule: str
    at: datetime
    permitted_name: str = ""
    needs_approval: bool = False
    quotas: tuple[str, ...] = ()
    retry_at: datetime | None = None


_CHECK = """
SELECT now.at, p.effect, p.tool_name, p.requires_approval, p.max_calls_per_day, p.max_calls_per_minute,
  CASE WHEN %(counts)s AND p.effect = 'allow'
       THEN take_call(p.worker_id, p.tool_name, p.max_calls_per_day, p.max_calls_per_minute, now.at) END
FROM (SELECT coalesce(%(at)s, clock_timestamp()) AS at) now
LEFT JOIN LATERAL tool_permission(%(worker)s, %(tool)s, now.at) p ON true"""


def check(worker_id: str, tool_name: str, *, at: datetime | None = None) -> Decision:
    """Decide one call and count it against its permission's quotas (`at`: now, by the database's clock)."""
    return _decide(worker_id, tool_name, at, counts=True)


def look(worker_id: str, tool_name: str, *, at: datetime | None = None) -> Decision:
    """What the rows say of such a call, without making it: no quota is asked or counted."""
    return _decide(worker_id, tool_name, at, counts=False)


def quota_left(decision: Decision) -> dict[str, int]:
    """How many calls the quotas of an allowed call have left, by span; it may be others who take them."""
    row = ToolPermission.objects.filter(
        worker_id=decision.worker_id, tool_name=decision.permitted_name, effect=ToolPermission.Effect.ALLOW
    ).first()
    if row is None:
        return {}
    quotas = {"day": row.max_calls_per_day, "minute": row.max_calls_per_minute}
    return {span: max(0, most - _used(decision, span)) for span, most in quotas.items() if most is not None}


def _used(decision: Decision, span: str) -> int:
    found = PermissionUse.objects.filter(
        worker_id=decision.worker_id,
        tool_name=decision.permitted_name,
        span=span,
        starts_at=start_of(span, decision.at),
    ).values_list("calls", flat=True)
    return sum(found)


def give_back(decision: Decision) -> None:
    """Undo the count of a call that was not made, because a later gate refused it."""
    called: dict[str, Any] = {
        "worker": decision.worker_id,
        "name": decision.permitted_name,
        "at": decision.at,
    }
    with connection.cursor() as cursor:
        for span in decision.quotas:  # the day first, as everybody takes them
            cursor.execute(_GIVE_BACK, called | {"span": span})


_GIVE_BACK = """
UPDATE worker_tool_permission_uses SET calls = calls - 1
WHERE worker_id = %(worker)s AND tool_name = %(name)s AND span = %(span)s
  AND starts_at = date_trunc(%(span)s, %(at)s, 'UTC') AND calls > 0"""


def _decide(worker_id: str, tool_name: str, at: datetime | None, *, counts: bool) -> Decision:
    with connection.cursor() as cursor:
        cursor.execute(_CHECK, {"worker": worker_id, "tool": tool_name, "at": at, "counts": counts})
        at, effect, name, needs_approval, per_day, per_minute, full = cursor.fetchone()
    decide = _Deciding(worker_id, tool_name, at)
    if effect is None:
        return decide.no(_why_none(worker_id, tool_name, at))
    if effect == ToolPermission.Effect.DENY:
        return decide.no(f"permission: {worker_id} is denied {name}")
    quotas = {"day": per_day, "minute": per_minute}
    if full:
        begins_anew = start_of(full, at) + SPANS[full]
        return decide.no(
            f"permission: {worker_id} {name} allows {quotas[full]} calls a {full}", begins_anew, name
        )
    taken = tuple(span for span, most in quotas.items() if counts and most is not None)
    return Decision(
        worker_id, tool_name, True, f"permission: {worker_id} is allowed {name}", at,
        permitted_name=name, needs_approval=needs_approval, quotas=taken,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Deciding:
    worker_id: str
    tool_name: str
    at: datetime

    def no(self, rule: str, retry_at: datetime | None = None, name: str = "") -> Decision:
        return Decision(
            self.worker_id, self.tool_name, False, rule, self.at, permitted_name=name, retry_at=retry_at
        )


def start_of(span: str, at: datetime) -> datetime:
    """When the day or minute of this moment (in UTC) began."""
    start = at.replace(second=0, microsecond=0)
    return start if span == "minute" else start.replace(hour=0, minute=0)


def _why_none(worker_id: str, tool_name: str, at: datetime) -> str:
    """Rows that would have allowed it at another time are told: that is what an operator looks for."""
    rows = ToolPermission.objects.filter(worker_id=worker_id, effect=ToolPermission.Effect.ALLOW)
    for row in rows:
        if not _covers(row.tool_name, tool_name):
            continue
        if row.valid_until and row.valid_until <= at:
            ago = units.words(at - row.valid_until)
            return f"permission: that of {worker_id} for {row.tool_name} ended {ago} ago"
        if row.valid_from and row.valid_from > at:
            ahead = units.words(row.valid_from - at)
            return f"permission: that of {worker_id} for {row.tool_name} begins in {ahead}"
    return f"permission: {worker_id} has none for {tool_name}"


def _covers(name: str, tool_name: str) -> bool:
    return name == tool_name or (name.endswith(".*") and tool_name.startswith(name[:-1]))


# ------------------------------------------------------------------------------------------ the verbs


def grant(
    worker_id: str, tool_name: str, *, actor: Actor, reason: str = "", **terms: object
) -> ToolPermission:
    """Allow these calls, on exactly these `ScheduleInput`, whatever stood there before. What denies still
    wins.

    Needs `governance.grant_toolpermission`. Raises `InvalidInput` that names every wrong field.
    """
    return _write(worker_id, tool_name, ToolPermission.Effect.ALLOW, actor, "grant", reason, terms)


def deny(
    worker_id: str, tool_name: str, *, actor: Actor, reason: str = "", **terms: object
) -> ToolPermission:
    """Refuse these calls, whatever else allows them; `valid_from` and `valid_until` bound it in time."""
    return _write(worker_id, tool_name, ToolPermission.Effect.DENY, actor, "deny", reason, terms)


def grant_for_a_day(worker_id: str, tool_name: str, *, actor: Actor, reason: str = "") -> ToolPermission:
    """Allow these calls for 24 hours from now, on the terms that stand there already, if any do.

    A permission that lasts longer stays as it is.
    """
    _require(actor, worker_id, tool_name)
    with audit.acting(actor, verb="grant_for_a_day", reason=reason), connection.cursor() as cursor:
        cursor.execute(_FOR_A_DAY, {"worker": worker_id, "tool": tool_name, "by": actor.name})
        return ToolPermission.objects.get(worker_id=worker_id, tool_name=tool_name, effect="allow")


_FOR_A_DAY = """
INSERT INTO worker_tool_permissions AS p (worker_id, tool_name, valid_until, granted_by)
VALUES (%(worker)s, %(tool)s, now() + interval '24 hours', %(by)s)
ON CONFLICT (worker_id, tool_name, effect) DO UPDATE SET granted_by = excluded.granted_by,
  valid_from = CASE WHEN p.valid_from <= now() THEN p.valid_from END, valid_until = excluded.valid_until
WHERE p.valid_until < excluded.valid_until OR p.valid_from > now()"""


def revoke(
    worker_id: str,
    tool_name: str,
    *,
    actor: Actor,
    reason: str = "",
    effect: str = ToolPermission.Effect.ALLOW,
) -> None:
    """Remove the row of exactly this name, from the next call on; raises `PermissionNotFound`.

    A prefix that covers the name goes on to allow it: `deny` is what says no to one name of many.
    """
    actor.require(PERMISSION)
    with audit.acting(actor, verb="revoke", reason=reason):
        rows = ToolPermission.objects.filter(worker_id=worker_id, tool_name=tool_name, effect=effect)
        if not rows.delete()[0]:
            raise PermissionNotFound(worker_id, tool_name, effect)


def forget_uses(now: datetime) -> int:
    """Counts of days and minutes long past are deleted; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM worker_tool_permission_uses WHERE ctid IN ("
            "SELECT ctid FROM worker_tool_permission_uses WHERE starts_at < %s"
            " OR span = 'minute' AND starts_at < %s FOR UPDATE SKIP LOCKED)",
            [now - USES_KEPT, now - timedelta(hours=1)],
        )
        forgotten: int = cursor.rowcount
    return forgotten


def of(worker_ids: Sequence[str]) -> dict[str, list[ToolPermission]]:
    """The rows of these workers, in the order of their names."""
    rows = ToolPermission.objects.filter(worker_id__in=worker_ids).order_by("tool_name", "effect")
    return {worker_id: [row for row in rows if row.worker_id == worker_id] for worker_id in worker_ids}


def _write(
    worker_id: str, tool_name: str, effect: str, actor: Actor, verb: str, reason: str, said: dict[str, object]
) -> ToolPermission:
    _require(actor, worker_id, tool_name)
    terms = PermissionInput.parse(said)
    with audit.acting(actor, verb=verb, reason=reason):
        row, _ = ToolPermission.objects.update_or_create(
            worker_id=worker_id,
            tool_name=tool_name,
            effect=effect,
            defaults=terms.model_dump() | {"granted_by": actor.name},
        )
    return row


def _require(actor: Actor, worker_id: str, tool_name: str) -> None:
    actor.require(PERMISSION)
    errors = []
    known = sorted(Worker.objects.values_list("pk", flat=True))
    if worker_id not in known:
        errors.append(
            FieldError("worker_id", f"unknown worker {worker_id!r}; expected one of: {', '.join(known)}")
        )
    if flaw := ToolPermission.flaw_in_name(tool_name):
        errors.append(FieldError("tool_name", flaw))
    if errors:
        raise InvalidInput(errors)
