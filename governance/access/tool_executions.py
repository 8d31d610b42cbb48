"""The record of calls: one row for each that was sent, refused or failed, without secrets.

A call that is sent is recorded before it goes out, so that a crash leaves its trace: `begin`, then `end`.
One that never went out is one row at once: `refuse`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from governance.audit import redaction
from governance.models import ToolExecution

MAX_ERROR = 4_000
MAX_RULE = 300
# A call whose worker has not come back this long after its deadline is lost.
LOST_AFTER = timedelta(seconds=60)
_LOST = "outcome unknown: its worker did not come back"
_UNNAMED = "failed without saying why"


@dataclass(frozen=True, slots=True)
class Call:
    """What is called, by whom, for which task. `arguments` are redacted before they are kept.

    `key` names the call within its task; it is kept of calls that go out.
    """

    worker_id: str
    tool_name: str
    arguments: Any = None
    task_id: UUID | None = None
    service: str = ""
    model: str = ""
    key: str = ""


_COLUMNS = ("worker_id", "tool_name", "task_id", "service", "model", "key")
_INSERT = """
INSERT INTO tool_executions
  (worker_id, tool_name, arguments, task_id, service, model, status, rule, error_message, ended_at, ends_by,
   call_key)
VALUES (%(worker_id)s, %(tool_name)s, %(arguments)s::jsonb, %(task_id)s::uuid, %(service)s, %(model)s,
  %(status)s, %(rule)s, %(error)s, CASE WHEN %(status)s <> 'sent' THEN clock_timestamp() END,
  clock_timestamp() + %(within)s, CASE WHEN %(status)s = 'sent' THEN %(key)s ELSE '' END)
RETURNING id"""

_END = """
UPDATE tool_executions SET status = %(status)s, error_message = %(error)s, cost_usd = %(cost_usd)s,
  model = coalesce(%(model)s, model), ended_at = clock_timestamp(),
  call_key = CASE WHEN %(is_undone)s THEN '' ELSE call_key END,
  duration_ms = round(extract(epoch FROM clock_timestamp() - created_at) * 1000)
WHERE id = %(id)s::uuid AND status = 'sent'"""


_TAKE_BACK = """
UPDATE tool_executions SET status = 'failed', error_message = %(error)s, call_key = '',
  ended_at = clock_timestamp(), duration_ms = 0
WHERE id = %(id)s::uuid AND status = 'sent'"""


def begin(call: Call, *, rule: str, within: timedelta) -> UUID:
    """Record that the call goes out now, allowed by `rule`, and must end `within` this time."""
    return _insert(call, ToolExecution.Status.SENT, rule, "", within)


def end(
    execution_id: UUID,
    *,
    error_message: str | None = None,
    cost_usd: Decimal | None = None,
    model: str | None = None,
    is_undone: bool = False,
) -> bool:
    """Record how the call ended: well without an error message, else as failed; `model` is the one that
    served it. `is_undone` says that it is known not to have been carried out: its key is free again. False
    if it had ended already: the watchdog gave it up, or it was reported before."""
    failed = error_message is not None
    facts = {
        "id": str(execution_id),
        "status": ToolExecution.Status.FAILED if failed else ToolExecution.Status.SUCCEEDED,
        "error": _error(error_message) if failed else "",
        "cost_usd": cost_usd,
        "model": model,
        "is_undone": is_undone,
    }
    with connection.cursor() as cursor:
        cursor.execute(_END, facts)
        return bool(cursor.rowcount)


def take_back(execution_id: UUID, *, error_message: str) -> None:
    """It was let through and yet not sent: it failed, and its key is free."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_BACK, {"id": str(execution_id), "error": _error(error_message)})


def refuse(call: Call, *, rule: str, error_message: str, failed: bool = False) -> UUID:
    """Record a call that was not sent, because `rule` forbade it; `failed` if the reason is no rule of the
    law but the state of things: an open circuit breaker (the runbook looks for those as `failed`)."""
    status = ToolExecution.Status.FAILED if failed else ToolExecution.Status.REFUSED
    return _insert(call, status, rule, _error(error_message), None)


def give_up_lost(now: datetime) -> int:
    """Calls whose worker never came back end as failed, outcome unknown; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE tool_executions SET status = 'failed', error_message = %s, ended_at = %s"
            " WHERE id IN (SELECT id FROM tool_executions WHERE status = 'sent' AND ends_by < %s"
            " FOR NO KEY UPDATE SKIP LOCKED)",
            [_LOST, now, now - LOST_AFTER],
        )
        lost: int = cursor.rowcount
    return lost


def _insert(call: Call, status: str, rule: str, error: str, within: timedelta | None) -> UUID:
    kept = {} if call.arguments is None else redaction.arguments(call.arguments)
    facts = {name: getattr(call, name) for name in _COLUMNS}
    facts |= {"arguments": orjson.dumps(kept).decode(), "status": status, "rule": rule[:MAX_RULE]}
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, facts | {"error": error, "within": within})
        execution_id: UUID = cursor.fetchone()[0]
    return execution_id


def _error(message: str | None) -> str:
    """Failures say why, also those that come without words."""
    return redaction.text((message or "").strip(), limit=MAX_ERROR) or _UNNAMED
