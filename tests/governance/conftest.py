"""Clients of the API: an operator, one with the permissions that a test names, and a stranger."""

from collections.abc import Callable

import pytest

from governance import roles
from tests.governance.api_client import Api, client_of, make_user


@pytest.fixture
def client_with(db: None) -> Callable[..., Api]:
    """`client_with("add_task", …)`: a client whose token carries exactly these permissions."""

    def make(*codenames: str, name: str = "ci") -> Api:
        return client_of(make_user(name, *codenames))

    return make


@pytest.fixture
def operator(db: None) -> Api:
    user = make_user("operator")
    roles.assign(user, "operator")
    return client_of(user)


@pytest.fixture
def nobody(db: None) -> Api:
    """Without a token, from elsewhere (the test client's host name is not a loopback one)."""
    return Api()
