"""`manage.py approve [ID …]`: what waits for a person; allow it, or with --reject refuse it."""

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import orjson

from governance import approvals
from governance.actors import Actor
from governance.errors import ApprovalNotFound
from governance.management.command import GovernanceCommand
from governance.models import Approval

_SHOWN = (
    "id", "status", "worker_id", "tool_name", "task_id", "arguments", "price_usd", "created_at",
    "expires_at", "decided_by", "reason",
)  # fmt: skip


class Command(GovernanceCommand):
    help = (
        "Without ids: list the calls that wait for a person. With ids: allow each of them once, exactly as"
        " asked; --reject refuses them and needs a reason. Ends at the first that cannot be decided."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="ids of approvals")
        parser.add_argument("--reject", action="store_true", help="refuse them")
        parser.add_argument("--reason", default="", help="why; the task and the audit log keep it")
        self.add_json_argument(parser)

    def handle(self, *, ids: list[str], reject: bool, reason: str, **options: object) -> None:
        if not ids:
            self._tell(approvals.waiting(), "nothing waits for an approval")
            return
        verb: Any = approvals.reject if reject else approvals.approve
        self._tell(_decide(verb, [_parse(name) for name in ids], self.actor, reason))

    def _tell(self, rows: Iterable[Approval], otherwise: str = "") -> None:
        told = [{name: getattr(row, name) for name in _SHOWN} for row in rows]
        self.say(told, *([_sentence(row) for row in told] or [otherwise]))


def _decide(verb: Any, ids: list[UUID], actor: Actor, reason: str) -> list[Approval]:
    return [verb(approval_id, actor=actor, reason=reason) for approval_id in dict.fromkeys(ids)]


def _parse(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        raise ApprovalNotFound(name) from None


def _sentence(row: dict[str, Any]) -> str:
    price = f", at most {row['price_usd'].normalize():f} USD" if row["price_usd"] is not None else ""
    called = f"{row['worker_id']} {row['tool_name']} {orjson.dumps(row['arguments']).decode()}"
    return f"{row['id']}  {row['status']}: {called}{price}, until {row['expires_at']:%Y-%m-%d %H:%M} UTC"
