"""`manage.py why WORKER TOOL`: may this call be made now, and which rule says so."""

from argparse import ArgumentParser
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import CommandError

from governance.management.command import GovernanceCommand
from reliability.door import explain


class Command(GovernanceCommand):
    help = "Say what each gate would decide of such a call now. Nothing is counted, held or asked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("worker", help="e.g. ANALYST")
        parser.add_argument("tool", help="e.g. http.request")
        parser.add_argument("--service", default="", help="whose rate limit and breaker count, too")
        parser.add_argument("--cost", metavar="USD", help="the most that it may cost")
        self.add_json_argument(parser)

    def handle(self, *, worker: str, tool: str, service: str, cost: str | None, **options: Any) -> None:
        found = explain.call(worker, tool, service=service, cost_usd=_usd(cost))
        marks = {True: "yes", False: "NO "}
        self.say(
            [asdict(finding) for finding in found],
            *(f"{marks[finding.lets_through]}  {finding.gate}: {finding.rule}" for finding in found),
        )


def _usd(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise CommandError(f"{text!r} is not an amount in USD; expected a number") from None
