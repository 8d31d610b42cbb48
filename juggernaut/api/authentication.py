"""Clients of the API: a token (see `juggernaut/api_tokens/services.py`, kept as a hash) says who asks."""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from governance.access import actors, scopes
from governance.access.actors import Actor
from governance.db.prepared_statements import Prepared
from juggernaut.api_tokens import services as api_tokens

# `Bearer` is RFC 6750's word, `Token` that of many clients.
_SCHEMES = {b"bearer", b"token"}

# Who owns the token, with all permissions, given directly or by group: what would be three queries of
# Django's permission backend at every request. And whether its last use is to be noted again.
_OWNER = Prepared(
    "token_owner",
    """
SELECT t.id, u.username, u.is_superuser, ARRAY(
  SELECT kind.app_label || '.' || p.codename
  FROM auth_permission p JOIN django_content_type kind ON kind.id = p.content_type_id
  WHERE p.id IN (
    SELECT permission_id FROM auth_user_user_permissions WHERE user_id = u.id
    UNION ALL
    SELECT given.permission_id FROM auth_user_groups member
    JOIN auth_group_permissions given ON given.group_id = member.group_id WHERE member.user_id = u.id)),
  t.scopes, t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute'
FROM api_tokens t JOIN auth_user u ON u.id = t.owner_id
WHERE t.digest = %(digest)s AND u.is_active AND (t.expires_at IS NULL OR t.expires_at > now())""",
    digest="text",
)

# Once a minute for each token, however many requests there are: whoever comes second changes nothing.
_NOTE_USE = """
UPDATE api_tokens SET last_used_at = now()
WHERE id = %s AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')"""


@dataclass(frozen=True, slots=True)
class Client:
    """The owner of a token, for one request; `scopes` of None leave all that the owner may."""

    username: str
    is_superuser: bool
    permissions: frozenset[str]
    scopes: frozenset[str] | None = None
    token_id: UUID | None = None
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_username(self) -> str:
        return self.username

    def has_perm(self, perm: str) -> bool:
        is_within = self.scopes is None or perm in self.scopes
        return is_within and (self.is_superuser or perm in self.permissions)


class TokenAuthentication(BaseAuthentication):
    """The owner of a token by one query.

    The token is 256 random bits, so looking its hash up by equality tells a guesser nothing; how often an
    address may guess is bounded (`juggernaut/api/throttling/`).
    """

    def authenticate(self, request: Request) -> tuple[Client, Actor] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() not in _SCHEMES:
            return None
        client = _owner_of(api_tokens.digest(token.strip().decode("latin-1")))
        if client is None:
            raise AuthenticationFailed("the token is unknown, has expired or was revoked")
        return client, actors.from_user(client)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _owner_of(digest: str) -> Client | None:
    found = _OWNER.run({"digest": digest})
    if not found:
        return None
    [(token_id, username, is_superuser, permissions, named, is_due)] = found
    if is_due:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE_USE, [token_id])
    limit = scopes.allowed(tuple(named))
    return Client(username, is_superuser, frozenset(permissions), limit, token_id)
