"""`manage.py revoke_token ID …`: shut clients out."""

from argparse import ArgumentParser

from django.db import transaction

from governance.management.command import GovernanceCommand, parse_id
from juggernaut.api_tokens import services as api_tokens


class Command(GovernanceCommand):
    help = "Revoke tokens, all of those named or none: from the next request on nobody is let in with them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="+", metavar="ID", help="ids of tokens, as list_tokens shows them")
        parser.add_argument("--reason", required=True, help="why; kept in the audit log")
        self.add_json_argument(parser)

    @transaction.atomic
    def handle(self, *, ids: list[str], reason: str, **options: object) -> None:
        chosen = [parse_id(text, "a token") for text in dict.fromkeys(ids)]
        for token_id in chosen:
            api_tokens.revoke(token_id, actor=self.actor, reason=reason)
        self.say({"revoked": chosen}, f"revoked: {len(chosen)}")
