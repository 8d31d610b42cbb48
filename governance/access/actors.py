"""Actors: who does something, the name that is recorded, and their permissions."""

import getpass
import os
from dataclasses import dataclass, field
from typing import Protocol

from governance.errors import Forbidden


class User(Protocol):
    """The part of Django's user that matters here."""

    def get_username(self) -> str: ...

    def has_perm(self, perm: str) -> bool: ...


@dataclass(frozen=True)
class Actor:
    """Somebody who acts. `name` is kept in every event; `user` answers for permissions."""

    name: str
    user: User | None = field(default=None, compare=False)
    is_trusted: bool = False

    def require(self, permission: str) -> None:
        """Raise `Forbidden` unless the actor holds the permission, e.g. `governance.cancel_task`."""
        if not self.is_trusted and not (self.user and self.user.has_perm(permission)):
            raise Forbidden(self.name, permission)


def from_user(user: User) -> Actor:
    """The actor behind a request or a console session."""
    return Actor(name=f"user:{user.get_username()}", user=user)


def from_command(name: str) -> Actor:
    """Who runs a management command: whoever can do that owns the database credentials."""
    return Actor(name=f"command:{name}", is_trusted=True)


def from_login() -> Actor:
    """Whoever is logged in and runs this process from a prompt."""
    try:
        return from_command(getpass.getuser())
    except (KeyError, OSError):  # an account without a name, as in some containers
        return from_command(f"uid {os.getuid()}")
