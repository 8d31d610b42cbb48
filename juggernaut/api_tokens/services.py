"""The tokens of clients: made, listed and revoked. The text of a token is told once and kept nowhere."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from governance.access import roles, scopes
from governance.access.actors import Actor
from governance.audit import log as audit
from governance.errors import FieldError, GovernanceError, InvalidInput
from juggernaut.models import ApiToken

VIEW, ADD, REVOKE = (f"juggernaut.{verb}_apitoken" for verb in ("view", "add", "delete"))
# Who may change users may also give tokens to people other than themselves.
CHANGE_USERS = "auth.change_user"
# So that it is known for what it is, wherever it turns up: see governance/audit/redaction.py.
PREFIX = "jgt_"
HINT_LENGTH = len(PREFIX) + 6
MAX_CLIENT, MAX_NOTE = 100, 200


class TokenNotFound(GovernanceError):
    """There is no token with this id."""

    def __init__(self, token_id: UUID | str) -> None:
        super().__init__(f"no token has the id {token_id}")
        self.token_id = token_id


@dataclass(frozen=True)
class CreatedToken:
    """A token just made. `text` is what the client sends; nobody can tell it a second time."""

    row: ApiToken
    text: str


def digest(text: str) -> str:
    """What is kept of a token. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha512(text.encode()).hexdigest()


def create(
    client: str,
    *,
    actor: Actor,
    role: str = "",
    scopes_: Sequence[str] = (scopes.EVERYTHING,),
    expires_at: datetime | None = None,
    note: str = "",
    reason: str = "",
) -> CreatedToken:
    """A token of the client with this name, who is made if there is none, as an operator if no role is named.

    Raises `InvalidInput`, and `Forbidden` for a token that may more than the actor: one of another
    person, or with permissions that the actor lacks.
    """
    actor.require(ADD)
    named = scopes.check(scopes_)
    _check(client, role, expires_at, note)
    text = PREFIX + secrets.token_urlsafe(32)
    with audit.acting(actor, verb="create", reason=reason):
        owner = _owner(client, role, actor)
        _require_no_more(actor, owner, named)
        row = ApiToken.objects.create(
            owner=owner, note=note, hint=text[:HINT_LENGTH], digest=digest(text), scopes=named,
            created_by=actor.name, expires_at=expires_at,
        )  # fmt: skip
    return CreatedToken(row, text)


def revoke(token_id: UUID, *, actor: Actor, reason: str = "") -> None:
    """Shut the token out from the next request on. Raises `TokenNotFound`."""
    actor.require(REVOKE)
    with audit.acting(actor, verb="revoke", reason=reason):
        if not ApiToken.objects.filter(pk=token_id).delete()[0]:
            raise TokenNotFound(token_id)


def _check(client: str, role: str, expires_at: datetime | None, note: str) -> None:
    errors = []
    if not 1 <= len(client.strip()) <= MAX_CLIENT:
        errors.append(FieldError("client", f"the name must have 1 to {MAX_CLIENT} characters"))
    if role and role not in roles.ROLES:
        errors.append(FieldError("role", f"expected one of {', '.join(roles.ROLES)}"))
    if expires_at is not None and expires_at <= timezone.now():
        errors.append(FieldError("expires_at", "this is past"))
    if len(note) > MAX_NOTE:
        errors.append(FieldError("note", f"at most {MAX_NOTE} characters"))
    if errors:
        raise InvalidInput(errors)


def _owner(client: str, role: str, actor: Actor) -> User:
    with transaction.atomic():
        owner, is_new = User.objects.get_or_create(username=client)
    if is_new:
        owner.set_unusable_password()
        owner.save(update_fields=["password"])
        roles.assign(owner, role or "operator")
    else:
        _require_charge_of(actor, owner, role)
        if role:
            roles.assign(owner, role)
    return owner


def _require_charge_of(actor: Actor, owner: User, role: str) -> None:
    """Whoever acts under a person's name is that person; and a role is changed by who changes users."""
    is_own = actor.user is not None and actor.user.get_username() == owner.get_username()
    is_person = owner.is_superuser or owner.is_staff or owner.has_usable_password()
    if role or (is_person and not is_own):
        actor.require(CHANGE_USERS)


def _require_no_more(actor: Actor, owner: User, named: list[str]) -> None:
    """The token may do nothing that the actor may not."""
    limit = scopes.allowed(tuple(named))
    if limit is None and owner.is_superuser:
        limit = frozenset(roles.ROLES["admin"])
    granted = owner.get_all_permissions() if limit is None else filter(owner.has_perm, limit)
    for permission in sorted(granted):
        actor.require(permission)
