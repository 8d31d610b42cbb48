"""What every test stands on: real servers, then Django, then fixtures."""

import django
import pytest

from juggernaut.embedded import EmbeddedServerError
from tests import session_servers

try:
    session_servers.start()
except EmbeddedServerError as error:
    pytest.exit(f"no servers to test with: {error}", returncode=3)
# pytest-django would do it after all conftests are imported; theirs may import models.
django.setup()


def pytest_unconfigure() -> None:
    """Leave no server behind."""
    session_servers.stop()
