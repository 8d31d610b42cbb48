"""Clients of the API with the permissions that a test names."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from knox.models import AuthToken

from governance import roles, transitions
from tests.fleet import enlist


class Api:
    """Requests as a client of the API makes them; paths are below `/api`."""

    def __init__(self, **headers: str) -> None:
        self.client = Client(headers=headers)

    def get(self, path: str, **query: Any) -> HttpResponse:
        return self.client.get(f"/api/{path}", query)

    def post(self, path: str, body: object = None, **headers: str) -> HttpResponse:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"/api/{path}", raw, content_type="application/json", headers=named)


def make_user(name: str, *codenames: str) -> User:
    user = User.objects.create_user(name)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="governance", codename__in=codenames)
    )
    return user


@pytest.fixture
def client_with(db: None) -> Callable[..., Api]:
    """`client_with("add_task", …)`: a client whose token carries exactly these permissions."""

    def make(*codenames: str, name: str = "ci") -> Api:
        _, token = AuthToken.objects.create(user=make_user(name, *codenames), expiry=None)
        return Api(Authorization=f"Bearer {token}")

    return make


@pytest.fixture
def operator(db: None) -> Api:
    user = make_user("operator")
    roles.assign(user, "operator")
    _, token = AuthToken.objects.create(user=user, expiry=None)
    return Api(Authorization=f"Bearer {token}")


@pytest.fixture
def nobody(db: None) -> Api:
    """Without a token, from elsewhere (the test client's host name is not a loopback one)."""
    return Api()


@pytest.fixture
def fleet(transactional_db: None) -> None:
    """The workers that the migration registers, in a test whose predecessor emptied every table."""
    enlist()


@pytest.fixture
def settled_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server has been up for long: no lease has grace because of a restart."""
    monkeypatch.setattr(transitions, "GRACE_AFTER_RESTART", timedelta(0))
