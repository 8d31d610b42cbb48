"""Clients of the API: a token (made by `manage.py create_token`, kept as a hash) says who asks."""

from django.db.models import Q
from django.db.models.functions import Now
from knox.crypto import hash_token
from knox.models import AuthToken
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from governance import actors
from governance.actors import Actor, User

# `Bearer` is RFC 6750's word, `Token` knox's own.
_SCHEMES = {b"bearer", b"token"}


class TokenAuthentication(BaseAuthentication):
    """Knox's tokens by one query: knox's own class asks three, and fails on a token that is not UTF-8.

    The token is 256 random bits, so looking its hash up by equality tells a guesser nothing.
    """

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() not in _SCHEMES:
            return None
        user = _owner_of(token.strip())
        return user, actors.of_user(user)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _owner_of(token: bytes) -> User:
    digest = hash_token(token.decode("latin-1"))
    valid = Q(expiry=None) | Q(expiry__gt=Now())
    tokens = AuthToken.objects.select_related("user").filter(valid, digest=digest, user__is_active=True)
    if not tokens:
        raise AuthenticationFailed("the token is unknown, has expired or was revoked")
    owner: User = tokens[0].user
    return owner
