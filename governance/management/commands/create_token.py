"""`manage.py create_token NAME`: a token with which a client uses the API."""

from argparse import ArgumentParser
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import transaction
from knox.models import AuthToken

from governance import roles
from governance.management.command import GovernanceCommand

MAX_NAME = 100


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
        parser.add_argument("--days", type=int, help="how long it is valid (default: until it is deleted)")
        self.add_json_argument(parser)

    def handle(self, *, name: str, role: str | None, days: int | None, **options: object) -> None:
        if not 1 <= len(name) <= MAX_NAME:
            raise CommandError(f"the name must have 1 to {MAX_NAME} characters")
        if days is not None and days < 1:
            raise CommandError("--days must be 1 or more")
        token = _create(name, role, days)
        self.say({"client": name, "token": token}, token)


@transaction.atomic
def _create(name: str, role: str | None, days: int | None) -> str:
    user, is_new = get_user_model().objects.get_or_create(username=name)
    if is_new:
        user.set_unusable_password()
        user.save()
    if role or is_new:
        roles.assign(user, role or "operator")
    _, token = AuthToken.objects.create(user=user, expiry=timedelta(days=days) if days else None)
    return str(token)
