"""Clients of the API by their roles, and the product's own web server."""

from tests.governance.conftest import (  # noqa: F401
    admin,
    client_with,
    fleet,
    nobody,
    operator,
    viewer,
    web_server,
)
