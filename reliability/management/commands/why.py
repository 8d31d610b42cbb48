"""`manage.py why TASK`, `manage.py why WORKER TOOL`: what keeps it, and which rule says so."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from governance.management.command import GovernanceCommand, parse_id, parse_usd
from governance.tasks import blockers
from reliability.calls import explain


class Command(GovernanceCommand):
    help = (
        "Say why a task is not running, or what each gate would decide of such a call now."
        " Nothing is counted, held or asked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("subject", metavar="TASK|WORKER", help="a task's id, or a worker: ANALYST")
        parser.add_argument("tool", nargs="?", help="with a worker: e.g. http.request")
        parser.add_argument("--service", default="", help="whose rate limit and breaker count, too")
        parser.add_argument("--cost", metavar="USD", help="the most that it may cost")
        self.add_json_argument(parser)

    def handle(
        self, *, subject: str, tool: str | None, service: str, cost: str | None, **options: Any
    ) -> None:
        if tool is None:
            self._say_of_task(subject)
        else:
            usd = None if cost is None else parse_usd(cost)
            self._say_of_call(explain.asked(subject, tool, actor=self.actor, service=service, cost_usd=usd))

    def _say_of_call(self, found: list[explain.Finding]) -> None:
        marks = {True: "yes", False: "NO "}
        self.say(
            [asdict(finding) for finding in found],
            *(f"{marks[finding.lets_through]}  {finding.gate}: {finding.rule}" for finding in found),
        )

    def _say_of_task(self, subject: str) -> None:
        found = blockers.find_blockers(
            parse_id(subject, "a task; to ask about a call name a tool, too"), actor=self.actor
        )
        end = f": {found['error_message']}" if found["error_message"] else ""
        self.say(found, found["why"] or f"Nothing keeps it: it is {found['status']}{end}")
