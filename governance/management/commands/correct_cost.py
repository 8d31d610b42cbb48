"""`manage.py correct_cost HOLD USD`: put right what a call was charged."""

from argparse import ArgumentParser
from typing import Any

from governance import budgets
from governance.management.command import GovernanceCommand, parse_id, parse_usd


class Command(GovernanceCommand):
    help = (
        "Make it so that the call of this hold was charged so much altogether: the difference is a new line"
        " of the ledger, no line is changed. Said twice, it is booked once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("hold", metavar="HOLD", help="id of the budget hold (costs --lines shows it)")
        parser.add_argument("usd", metavar="USD", help="what the call cost altogether")
        parser.add_argument("--reason", required=True, help="why, e.g. the invoice; kept in the ledger")
        self.add_json_argument(parser)

    def handle(self, *, hold: str, usd: str, reason: str, **options: Any) -> None:
        hold_id, cost = parse_id(hold, "a hold"), parse_usd(usd)
        difference = budgets.correct(hold_id, cost_usd=cost, actor=self.actor, reason=reason)
        document = {"hold_id": hold_id, "charged_usd": cost, "difference_usd": difference}
        self.say(document, f"hold {hold_id} is charged {cost:f} USD, booked: {difference:+f} USD")
