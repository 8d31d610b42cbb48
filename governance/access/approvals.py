"""Calls that a person must allow: each approval is for exactly these arguments, once, for a while.

`require` asks. Who is told to wait comes back with the same call when somebody has decided; then the
approval is used up in the same statement that finds it, so that two who ask at once get one call.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models.functions import Now

from governance.access.actors import Actor
from governance.audit import log as audit
from governance.audit import redaction
from governance.db import notifications
from governance.errors import ApprovalConflict, ApprovalNotFound, FieldError, InvalidInput
from governance.models import Approval
from governance.tasks import transitions
from governance.tasks.schemas import require_text

PERMISSION = "governance.decide_approval"
LASTS = timedelta(hours=24)


class Answer(StrEnum):
    """What an asker is told."""

    GRANTED = "granted"
    WAIT = "wait"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, the approval that gave it, and in words what an operator should read."""

    answer: Answer
    approval_id: UUID
    rule: str
    expires_at: datetime


def digest(worker_id: str, tool_name: str, arguments: Any) -> str:
    """SHA-256 of the call in canonical JSON (keys sorted, no blanks); `InvalidInput` if it has none."""
    call = {"worker_id": worker_id, "tool_name": tool_name, "arguments": arguments}
    try:
        return hashlib.sha256(orjson.dumps(call, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except TypeError as refused:
        raise InvalidInput([FieldError("arguments", str(refused))]) from None


def require(
    worker_id: str,
    tool_name: str,
    arguments: Any,
    *,
    task_id: UUID | None = None,
    price_usd: Decimal | None = None,
    lasts: timedelta = LASTS,
) -> Verdict:
    """Use an approval of exactly this call, or ask for one (`price_usd`: what it may cost at most).

    Granted means that it is used up now: `give_back` if the call is not made after all. A rejection
    stands for the same call of the same task until the question would have expired.
    """
    asked: dict[str, Any] = {"digest": digest(worker_id, tool_name, arguments), "task_id": task_id}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_EXPIRE_THIS, asked)
        cursor.execute(_USE, asked)
        if used := cursor.fetchone():
            return _verdict(Answer.GRANTED, used)
        cursor.execute(_REJECTED, asked)
        if rejected := cursor.fetchone():
            return _verdict(Answer.REJECTED, rejected)
        shown = orjson.dumps(redaction.arguments(arguments)).decode()
        question = {"worker_id": worker_id, "tool_name": tool_name, "shown": shown}
        cursor.execute(_ASK, asked | question | {"price_usd": price_usd, "lasts": lasts})
        *told, status = cursor.fetchone()
        if status == Approval.Status.APPROVED:  # since we looked: whoever waits now would wait for nothing
            cursor.execute(_USE, asked)
            return _verdict(Answer.GRANTED, cursor.fetchone())
        return _verdict(Answer.WAIT, told)


_EXPIRE_THIS = """
UPDATE approvals SET status = 'expired'
WHERE digest = %(digest)s AND task_id IS NOT DISTINCT FROM %(task_id)s::uuid
  AND status IN ('pending', 'approved') AND expires_at <= clock_timestamp()"""
_USE = """
UPDATE approvals SET status = 'used', used_at = clock_timestamp()
WHERE digest = %(digest)s AND task_id IS NOT DISTINCT FROM %(task_id)s::uuid AND status = 'approved'
RETURNING id, worker_id, tool_name, decided_by, reason, expires_at"""
_REJECTED = """
SELECT id, worker_id, tool_name, decided_by, reason, expires_at FROM approvals
WHERE digest = %(digest)s AND task_id IS NOT DISTINCT FROM %(task_id)s::uuid
  AND status = 'rejected' AND expires_at > clock_timestamp() ORDER BY id DESC LIMIT 1"""
# The update changes nothing, so that the row which waits already is returned.
_ASK = """
INSERT INTO approvals AS a (digest, task_id, worker_id, tool_name, arguments, price_usd, expires_at)
VALUES (%(digest)s, %(task_id)s::uuid, %(worker_id)s, %(tool_name)s, %(shown)s::jsonb, %(price_usd)s,
        clock_timestamp() + %(lasts)s)
ON CONFLICT (digest, task_id) WHERE status IN ('pending', 'approved') DO UPDATE SET digest = a.digest
RETURNING id, worker_id, tool_name, decided_by, reason, expires_at, status"""


def _verdict(answer: Answer, told: Sequence[Any]) -> Verdict:
    approval_id, worker_id, tool_name, decided_by, reason, expires_at = told
    what = f"approval {approval_id} of {worker_id} {tool_name}"
    rule = {
        Answer.GRANTED: f"{what}: approved by {decided_by}",
        Answer.WAIT: f"{what}: waits for a person",
        Answer.REJECTED: f"{what}: rejected by {decided_by}: {reason}",
    }[answer]
    return Verdict(answer, approval_id, rule, expires_at)


def give_back(approval_id: UUID) -> None:
    """The call was not made, because a later gate refused it: the approval may be used again."""
    Approval.objects.filter(pk=approval_id, status=Approval.Status.USED).update(
        status=Approval.Status.APPROVED, used_at=None
    )


def approve(approval_id: UUID, *, actor: Actor, reason: str = "") -> Approval:
    """Allow this call once; the task that waits for it goes on at once.

    Raises `ApprovalNotFound`, or `ApprovalConflict` if it is decided or expired.
    """
    return _decide(approval_id, Approval.Status.APPROVED, "approve", actor, reason)


def reject(approval_id: UUID, *, actor: Actor, reason: str) -> Approval:
    """Refuse this call; the reason goes to its task. Raises what `approve` does, or `InvalidInput`."""
    require_text("reason", reason)
    return _decide(approval_id, Approval.Status.REJECTED, "reject", actor, reason)


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of many: those decided, with the state they are in now, and those that were not, with the
    state found; none for an id that no approval has."""

    moved: dict[UUID, str]
    skipped: dict[UUID, str | None]


def many(
    verb: Callable[..., Approval], approval_ids: Iterable[UUID], *, actor: Actor, reason: str = ""
) -> Decided:
    """`approve` or `reject` each, in a transaction of its own. Raises `InvalidInput` and `Forbidden`."""
    actor.require(PERMISSION)
    done = Decided(moved={}, skipped={})
    for approval_id in dict.fromkeys(approval_ids):
        try:
            done.moved[approval_id] = verb(approval_id, actor=actor, reason=reason).status
        except ApprovalConflict as conflict:
            done.skipped[approval_id] = conflict.found
        except ApprovalNotFound:
            done.skipped[approval_id] = None
    return done


_DECIDE = """
UPDATE approvals SET status = %(to)s, decided_at = clock_timestamp(), decided_by = %(by)s, reason = %(why)s
WHERE id = %(id)s::uuid AND status = 'pending' AND expires_at > clock_timestamp()"""


def _decide(approval_id: UUID, to: str, verb: str, actor: Actor, reason: str) -> Approval:
    actor.require(PERMISSION)
    with audit.acting(actor, verb=verb, reason=reason), connection.cursor() as cursor:
        cursor.execute(_DECIDE, {"to": to, "by": actor.name, "why": reason, "id": str(approval_id)})
        found = Approval.objects.filter(pk=approval_id).first()
        if found is None:
            raise ApprovalNotFound(approval_id)
        if cursor.rowcount == 0:
            raise ApprovalConflict(approval_id, verb, _state(found))
        released = transitions.release_decided(approval_id=found.pk, actor=actor.name)
        notifications.notify_workers(task.worker_id for task in released)
        return found


def _state(found: Approval) -> str:
    """A question whose time has passed is expired, also before the watchdog has seen it."""
    is_late = found.status == Approval.Status.PENDING
    return str(Approval.Status.EXPIRED if is_late else found.status)


def count_waiting(*, at_most: int) -> int:
    """How many calls wait for a person and have not expired, counted no further than `at_most`."""
    open_ones = Approval.objects.filter(status=Approval.Status.PENDING, expires_at__gt=Now())
    return open_ones.values("pk")[:at_most].count()


def expire(now: datetime) -> int:
    """Questions and unused approvals whose time has passed expire; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, [now])
        expired: int = cursor.rowcount
    return expired


# Those that somebody has locked expire later; whoever asks for one sees its time before that.
_EXPIRE = """
UPDATE approvals SET status = 'expired' WHERE id IN (
  SELECT id FROM approvals WHERE status IN ('pending', 'approved') AND expires_at <= %s
  FOR NO KEY UPDATE SKIP LOCKED)"""
