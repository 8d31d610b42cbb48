"""`manage.py revoke WORKER TOOL`: take a permission back, or with --denial a denial."""

from argparse import ArgumentParser

from governance.access import permissions
from governance.management.command import GovernanceCommand
from governance.models import ToolPermission


class Command(GovernanceCommand):
    help = (
        "Remove a worker's row of exactly this name: what was allowed is not, from the next call on. One name"
        " that a prefix allows is forbidden with `grant --deny` instead."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("worker_id", metavar="WORKER", help="e.g. EXECUTOR")
        parser.add_argument("tool_name", metavar="TOOL", help="the name as it stands in the row")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        parser.add_argument(
            "--denial", action="store_true", help="the row that denies, not the one that allows"
        )
        self.add_json_argument(parser)

    def handle(self, *, worker_id: str, tool_name: str, reason: str, denial: bool, **options: object) -> None:
        effect = ToolPermission.Effect.DENY if denial else ToolPermission.Effect.ALLOW
        permissions.revoke(worker_id, tool_name, actor=self.actor, reason=reason, effect=effect)
        now = permissions.look(worker_id, tool_name)
        self.say(
            {"revoked": {"worker_id": worker_id, "tool_name": tool_name, "effect": effect}, "now": now.rule},
            f"revoked: {effect} {worker_id} {tool_name}",
            f"now: {now.rule}",
        )
