"""`manage.py approve [ID …]`: what waits for a person; allow it, or with --reject refuse it."""

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.core.management.base import CommandError

from governance.access import approvals
from governance.access import selectors as gate_selectors
from governance.errors import ApprovalConflict, ApprovalNotFound
from governance.management.list_command import ListCommand
from governance.models import Approval
from governance.pagination import Row


class Command(ListCommand):
    help = (
        "Without ids: list the calls that wait for a person. With ids: allow each of them once, exactly as"
        " asked; --reject refuses them and needs a reason. Those that cannot be decided are left, and the"
        " exit status is 1."
    )
    filters: ClassVar = {
        "status": "those that are pending (the default), approved, rejected, used, expired; may be repeated",
        "worker": "those of this worker; may be repeated",
        "tool": "those of this tool; may be repeated",
        "task": "those of this task (its id); may be repeated",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="ids of approvals")
        parser.add_argument("--reject", action="store_true", help="refuse them")
        parser.add_argument("--reason", default="", help="why; the task and the audit log keep it")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be decided, and do nothing"
        )
        self.add_list_arguments(parser)

    def handle(self, *, ids: list[str], **options: Any) -> None:
        if not ids:
            self._list(options)
            return
        if any(options[name] for name in self.filters):
            raise CommandError("name approvals by their ids, or list them by filters: one of both")
        named = list(dict.fromkeys(map(_parse, ids)))
        if options["dry_run"]:
            self._tell([gate_selectors.approval(approval_id, actor=self.actor) for approval_id in named])
        else:
            self._decide(named, "reject" if options["reject"] else "approve", options["reason"])

    def _list(self, options: dict[str, Any]) -> None:
        asked = options | {"status": options["status"] or [Approval.Status.PENDING]}
        rows = self.found(gate_selectors.listed_approvals, asked)
        is_waiting = asked["status"] == [Approval.Status.PENDING]
        self._tell(rows[::-1], "nothing waits for an approval" if is_waiting else "none")

    def _decide(self, ids: list[UUID], verb: str, reason: str) -> None:
        done = approvals.many(getattr(approvals, verb), ids, actor=self.actor, reason=reason)
        if done.moved:
            self._tell([gate_selectors.approval(approval_id, actor=self.actor) for approval_id in done.moved])
        for approval_id, found in done.skipped.items():
            if found is None:
                raise ApprovalNotFound(approval_id)
            raise ApprovalConflict(approval_id, verb, found)

    def _tell(self, rows: Iterable[Row], otherwise: str = "") -> None:
        told = list(rows)
        self.say(told, *(map(_sentence, told) if told else [otherwise]))


def _parse(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        raise ApprovalNotFound(name) from None


def _sentence(row: Row) -> str:
    price = f", at most {row['price_usd'].normalize():f} USD" if row["price_usd"] is not None else ""
    called = f"{row['worker_id']} {row['tool_name']} {orjson.dumps(row['arguments']).decode()}"
    return f"{row['id']}  {row['status']}: {called}{price}, until {row['expires_at']:%Y-%m-%d %H:%M} UTC"
