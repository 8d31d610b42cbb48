"""Agents that count."""

import pytest

from tests.door import grant
from tests.workers.agent import counting
from workers.tools import registry


@pytest.fixture
def counting_tools(monkeypatch, service):
    """Three tools that count, and no others."""
    monkeypatch.setattr(registry, "_tools", {})
    counting.register()
    grant("count.*")
