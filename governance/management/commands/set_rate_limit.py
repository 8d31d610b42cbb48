"""`manage.py set_rate_limit`: how often a tool or service may be called; alone, how the limits stand."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.forms.models import model_to_dict

from governance.access import rate_limits
from governance.management.command import GovernanceCommand


class Command(GovernanceCommand):
    help = (
        "Allow at most CALLS calls of a tool, a prefix.* or a service in any span of --per seconds, over all"
        " workers and processes. Binds within a second. Without a name: list the limits."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", help="e.g. http.request, files.*, openrouter")
        parser.add_argument("max_calls", nargs="?", type=int, metavar="CALLS")
        parser.add_argument("--per", type=float, default=60.0, metavar="SECONDS", help="default: 60")
        parser.add_argument("--remove", action="store_true", help="limit it no longer")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, name: str | None, max_calls: int | None, **options: Any) -> None:
        if name is not None:
            self._carry_out(name, max_calls, options)
        rows = rate_limits.all_limits(actor=self.actor)
        self.say([model_to_dict(row) for row in rows], *(map(str, rows) if rows else ["no rate limits"]))

    def _carry_out(self, name: str, max_calls: int | None, options: dict[str, Any]) -> None:
        said = {"actor": self.actor, "reason": options["reason"]}
        if options["remove"]:
            return rate_limits.remove(name, **said)
        if max_calls is None:
            raise CommandError(f"how many calls of {name} may be made? Name a number, or --remove")
        rate_limits.set_limit(name, max_calls=max_calls, per_seconds=options["per"], **said)
        return None
