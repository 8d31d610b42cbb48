"""`manage.py set_worker WORKER N`: how many of its tasks one process runs at a time."""

from argparse import ArgumentParser
from typing import Any

from governance.management.command import GovernanceCommand
from governance.workers import services as worker_services


class Command(GovernanceCommand):
    help = "Say how many of a worker's tasks one process runs at a time. Binds within seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("worker", help="e.g. ANALYST")
        parser.add_argument("max_concurrency", type=int, metavar="TASKS")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, worker: str, max_concurrency: int, reason: str, **options: Any) -> None:
        worker_services.set_concurrency(
            worker, max_concurrency=max_concurrency, actor=self.actor, reason=reason
        )
        said = {"worker_id": worker, "max_concurrency": max_concurrency}
        self.say(said, f"{worker}: {max_concurrency} tasks at a time in each process")
