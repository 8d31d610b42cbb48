"""The fleet, in tests that commit."""

import pytest

from tests.fleet import enlist


@pytest.fixture
def fleet(transactional_db: None) -> None:
    """The workers and permissions of a fresh installation."""
    enlist()
