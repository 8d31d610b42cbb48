"""`manage.py create_token NAME`: a token with which a client uses the API."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from governance.access import roles, scopes
from governance.management.command import GovernanceCommand, span_of_days
from juggernaut.api_tokens import services as api_tokens


class Command(GovernanceCommand):
    help = (
        "Create a token for an API client and print it, once: only its hash is kept. The client is made if"
        " there is none of this name. Send it as `Authorization: Bearer TOKEN`."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the client's name; what it does stands in the history as user:NAME")
        parser.add_argument(
            "--role",
            choices=sorted(roles.ROLES),
            help="what the client may do (a new client: operator; a known one keeps what it has)",
        )
        parser.add_argument(
            "--scopes", nargs="+", default=[scopes.EVERYTHING], metavar="SCOPE",
            help=f"what this token may do of that: {', '.join(scopes.known())}; or {scopes.EVERYTHING}, which"
            " is all of it (default)",
        )  # fmt: skip
        parser.add_argument("--days", type=int, help="how long it is valid (default: until it is revoked)")
        parser.add_argument("--note", default="", help="what it is for")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, name: str, days: int | None, **options: Any) -> None:
        made = api_tokens.create(
            name,
            actor=self.actor,
            role=options["role"] or "",
            scopes_=[scope for given in options["scopes"] for scope in given.split(",") if scope],
            expires_at=None if days is None else timezone.now() + span_of_days(days, "--days"),
            note=options["note"],
            reason=options["reason"],
        )
        told = {"id": made.row.pk, "client": name, "scopes": made.row.scopes, "token": made.text}
        self.say(told | {"expires_at": made.row.expires_at}, made.text)
