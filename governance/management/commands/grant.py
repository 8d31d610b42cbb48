"""`manage.py grant WORKER TOOL`: allow a worker to call a tool, or with --deny forbid it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.forms.models import model_to_dict

from governance.access import permissions
from governance.management.command import GovernanceCommand
from governance.models import ToolPermission

_TERMS = ("max_calls_per_day", "max_calls_per_minute", "requires_approval", "valid_from", "valid_until")


class Command(GovernanceCommand):
    help = (
        "Allow a worker to call a tool (http.request) or all whose names begin so (http.*), on exactly the"
        " terms named here, whatever stood there before. It binds at the next call. A denial still wins."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("worker_id", metavar="WORKER", help="e.g. EXECUTOR")
        parser.add_argument("tool_name", metavar="TOOL", help="a name, or a prefix with .*")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        parser.add_argument("--deny", action="store_true", help="forbid it, whatever else allows it")
        parser.add_argument(
            "--for-a-day", action="store_true", help="for 24 hours from now, on the terms that stand there"
        )
        parser.add_argument("--per-day", dest="max_calls_per_day", type=int, help="calls in a day (UTC)")
        parser.add_argument("--per-minute", dest="max_calls_per_minute", type=int, help="calls in a minute")
        parser.add_argument("--requires-approval", action="store_true", help="a person allows each call")
        parser.add_argument("--from", dest="valid_from", help="when it begins (ISO 8601 with a zone)")
        parser.add_argument("--until", dest="valid_until", help="when it ends")
        self.add_json_argument(parser)

    def handle(self, *, worker_id: str, tool_name: str, **options: Any) -> None:
        row = self._carry_out(worker_id, tool_name, options)
        now = permissions.look(worker_id, tool_name)
        document = {"permission": model_to_dict(row) | {"id": row.pk}, "is_allowed_now": now.is_allowed}
        self.say(document, _sentence(row), *self._doubt(row, now))

    def _carry_out(self, worker_id: str, tool_name: str, options: dict[str, Any]) -> ToolPermission:
        terms = {name: options[name] for name in _TERMS if options[name]}
        terms |= {name: 0 for name in _TERMS[:2] if options[name] == 0}
        known = {"actor": self.actor, "reason": options["reason"]}
        if not options["for_a_day"]:
            verb = permissions.deny if options["deny"] else permissions.grant
            return verb(worker_id, tool_name, **known, **terms)
        if terms or options["deny"]:
            raise CommandError("--for-a-day keeps the terms that stand there: name no others with it")
        return permissions.grant_for_a_day(worker_id, tool_name, **known)

    def _doubt(self, row: ToolPermission, now: permissions.Decision) -> list[str]:
        """What was granted may still be refused: that is what somebody who grants wants to know."""
        is_as_meant = now.is_allowed == (row.effect == ToolPermission.Effect.ALLOW)
        return [] if is_as_meant else [f"but now: {now.rule}"]


def _sentence(row: ToolPermission) -> str:
    said = "allowed" if row.effect == ToolPermission.Effect.ALLOW else "denied"
    terms = [
        f"{row.max_calls_per_day} calls a day" if row.max_calls_per_day is not None else "",
        f"{row.max_calls_per_minute} calls a minute" if row.max_calls_per_minute is not None else "",
        "with an approval each time" if row.requires_approval else "",
        f"from {row.valid_from:%Y-%m-%d %H:%M} UTC" if row.valid_from else "",
        f"until {row.valid_until:%Y-%m-%d %H:%M} UTC" if row.valid_until else "",
    ]
    return ", ".join([f"{row.worker_id} is {said} {row.tool_name}", *filter(None, terms)])
