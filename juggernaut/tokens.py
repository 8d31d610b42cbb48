"""Clients of the API: a token (made by `manage.py create_token`, kept as a hash) says who asks."""

from dataclasses import dataclass

from django.db import connection
from knox.crypto import hash_token
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from governance import actors
from governance.actors import Actor

# `Bearer` is RFC 6750's word, `Token` knox's own.
_SCHEMES = {b"bearer", b"token"}

# Who owns the token, with all permissions, given directly or by group: what would be three queries of
# knox and three of Django's permission backend at every request.
_OWNER = """
SELECT u.username, u.is_superuser, ARRAY(
  SELECT kind.app_label || '.' || p.codename
  FROM auth_permission p JOIN django_content_type kind ON kind.id = p.content_type_id
  WHERE p.id IN (
    SELECT permission_id FROM auth_user_user_permissions WHERE user_id = u.id
    UNION ALL
    SELECT given.permission_id FROM auth_user_groups member
    JOIN auth_group_permissions given ON given.group_id = member.group_id WHERE member.user_id = u.id))
FROM knox_authtoken t JOIN auth_user u ON u.id = t.user_id
WHERE t.digest = %s AND u.is_active AND (t.expiry IS NULL OR t.expiry > now())"""


@dataclass(frozen=True, slots=True)
class Client:
    """The owner of a token, for one request."""

    username: str
    is_superuser: bool
    permissions: frozenset[str]
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_username(self) -> str:
        return self.username

    def has_perm(self, perm: str) -> bool:
        return self.is_superuser or perm in self.permissions


class TokenAuthentication(BaseAuthentication):
    """Knox's tokens by one query; knox's own class also fails on a token that is not UTF-8.

    The token is 256 random bits, so looking its hash up by equality tells a guesser nothing.
    """

    def authenticate(self, request: Request) -> tuple[Client, Actor] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() not in _SCHEMES:
            return None
        client = _owner_of(token.strip())
        return client, actors.of_user(client)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _owner_of(token: bytes) -> Client:
    with connection.cursor() as cursor:
        cursor.execute(_OWNER, [hash_token(token.decode("latin-1"))])
        owner = cursor.fetchone()
    if owner is None:
        raise AuthenticationFailed("the token is unknown, has expired or was revoked")
    username, is_superuser, permissions = owner
    return Client(username, is_superuser, frozenset(permissions))
