"""The first operator: without one, nobody could enter the console of a fresh installation."""

import secrets
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.db import IntegrityError

from governance.access.actors import Actor
from governance.audit import log as audit
from juggernaut import configuration

DEFAULT_USERNAME = "admin"


class NameTaken(Exception):
    """The name belongs to a user who is no operator; making them one is a person's decision."""

    def __init__(self, username: str) -> None:
        super().__init__(
            f"no operator exists, and the name {username!r} is an ordinary user's: "
            "run manage.py create_operator --username with another one"
        )


class FirstOperator(NamedTuple):
    """An operator just made; `password` is None when it came from the environment, to be shown nowhere."""

    username: str
    password: str | None


def ensure_first(*, actor: Actor, username: str = DEFAULT_USERNAME) -> FirstOperator | None:
    """Make the first superuser, if there is none; two machines that start at once make one.

    Its password is `JUGGERNAUT_ADMIN_PASSWORD`, else a random one. Returns None when there is one
    already. Raises `NameTaken`.
    """
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    given = configuration.current().admin_password.get_secret_value() or None
    password = given or secrets.token_urlsafe(12)
    try:
        with audit.acting(actor, verb="create", reason="the first operator"):
            users.create_superuser(username=username, password=password)
    except IntegrityError:
        if users.filter(is_superuser=True).exists():
            return None  # another machine was faster
        raise NameTaken(username) from None
    return FirstOperator(username, None if given else password)
