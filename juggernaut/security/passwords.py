"""Password checks at login; a rehash of the same password is no change of it.

That a password was changed is told by a trigger (`audit_password`), never to what.
"""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from governance.access.actors import Actor
from governance.audit import log as audit

# As the trigger knows it.
_REHASH = "rehash"
_UPGRADED = "the same password, hashed as this version does, at a login"


class PasswordBackend(ModelBackend):
    """Django's. It writes the hash anew when the hashers have changed, before anybody is logged in: without
    a name that would stand in the audit log as somebody's change of the password."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> User | None:
        if username is None or password is None:
            return None
        with audit.acting(Actor(f"user:{username}"), verb=_REHASH, reason=_UPGRADED):
            found: User | None = super().authenticate(request, username, password)
        return found
