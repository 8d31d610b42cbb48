"""A client of the API with the permissions that a test names."""

import json
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from governance.access import roles
from governance.access.actors import from_command
from juggernaut.api_tokens import services as api_tokens
from juggernaut.models import ApiToken


class Api:
    """Requests as a client makes them; paths are below `/api`."""

    def __init__(self, **headers: str) -> None:
        self.client = Client(headers=headers)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/{path}", query)

    def put(self, path: str, body: object) -> Any:
        return self.client.put(f"/api/{path}", json.dumps(body).encode(), content_type="application/json")

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/{path}")

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"/api/{path}", raw, content_type="application/json", headers=named)

    def patch(self, path: str, body: object) -> Any:
        return self.client.patch(f"/api/{path}", json.dumps(body), content_type="application/json")


def make_user(name: str, *codenames: str) -> User:
    """A user with exactly these permissions."""
    user = User.objects.create_user(name)
    apps = ("governance", "reliability")
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label__in=apps, codename__in=codenames)
    )
    return user


def token_of(user: User) -> str:
    """A new token, as the Authorization header carries it; one that is noted as used, so that requests cost
    what they cost."""
    made = api_tokens.create(user.username, actor=from_command("test"))
    ApiToken.objects.filter(pk=made.row.pk).update(last_used_at=timezone.now())
    return f"Bearer {made.text}"


def client_of(user: User) -> Api:
    return Api(Authorization=token_of(user))


def of_role(role: str) -> Api:
    """A client of somebody of this role, called after it."""
    user = make_user(role)
    roles.assign(user, role)
    return client_of(user)
