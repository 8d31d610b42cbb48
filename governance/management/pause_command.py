"""`pause` and `resume`: workers named by their ids, or the whole fleet."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from governance.management.command import GovernanceCommand
from governance.workers import services as worker_services


class PauseCommand(GovernanceCommand):
    """The subclass names the two verbs of `governance.workers.services` and their past tense."""

    workers: ClassVar[Any]
    fleet: ClassVar[Any]
    done: ClassVar[str]
    needs_reason: ClassVar[bool] = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("workers", nargs="*", metavar="WORKER", help="e.g. ANALYST EXECUTOR")
        parser.add_argument("--fleet", action="store_true", help="all workers together")
        parser.add_argument(
            "--reason", required=self.needs_reason, default="", help="why; kept in the audit log"
        )
        self.add_json_argument(parser)

    def handle(self, *, workers: list[str], fleet: bool, reason: str, **options: object) -> None:
        if bool(workers) == fleet:
            raise CommandError("name workers, or say --fleet")
        if fleet:
            is_turned = self.fleet(actor=self.actor, reason=reason)
            status = worker_services.fleet().status
            said = f"{self.done}: the fleet" if is_turned else f"the fleet is {status} already"
            self.say({"fleet": status, "changed": is_turned}, said)
            return
        turned = self.workers(workers, actor=self.actor, reason=reason)
        said = f"{self.done}: {', '.join(turned.moved) or 'none'}"
        skipped = ", ".join(f"{name} is {status} already" for name, status in turned.skipped.items())
        self.say({"changed": turned.moved, "skipped": turned.skipped}, f"{said}{skipped and '; ' + skipped}")
