"""What every test of the engine stands on: the task types of the benchmarks, and workers."""

from importlib import import_module

import pytest

from reliability.engine import heartbeat
from tests.fleet import enlist

import_module("benchmarks.task_types")


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drains that look and beat ten times as often, for tests that wait for either."""
    monkeypatch.setattr(import_module("reliability.engine.worker_loop"), "POLL_SECONDS", 0.1)
    monkeypatch.setattr(heartbeat, "INTERVAL_SECONDS", 0.2)
    monkeypatch.setattr(heartbeat, "RENEW_AFTER_SECONDS", 0.1)


@pytest.fixture
def fleet(transactional_db: None) -> None:
    """The workers that the migration registers, in a test whose predecessor emptied every table."""
    enlist()


@pytest.fixture(autouse=True)
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses with which drains wanted to end their process, which here is the test's."""
    statuses: list[int] = []
    monkeypatch.setattr("os._exit", statuses.append)
    return statuses
