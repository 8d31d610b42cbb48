"""A provider of models for the tests of this folder: one process, told anew before each test."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from gateway.providers import TOOL_NAME
from reliability.breakers import client as gate
from reliability.engine.context import TaskContext
from tests.door import grant, running_task
from tests.fleet import enlist
from tests.workers import models
from tests.workers.models import FIRST, KEY, SECOND, Service
from tests.workers.provider import Provider


@pytest.fixture
def fleet(transactional_db: None) -> None:
    """The workers and permissions of a fresh installation."""
    enlist()


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    running = Provider(tmp_path_factory.mktemp("provider"))
    yield running
    running.end()


@pytest.fixture
def provider(simulator: Provider) -> Provider:
    simulator.reset()
    return simulator


@pytest.fixture
def service(transactional_db: None, provider: Provider, settings: Any) -> Iterator[Service]:
    """The provider as the product is told to reach it, with a worker that may ask and two models to ask."""
    enlist()
    grant(TOOL_NAME)
    gate.close()
    mine = Service(f"service-{uuid4().hex}", provider.url)
    mine.price(FIRST, SECOND)
    settings.JUGGERNAUT_LLM_BASE_URL = provider.url
    settings.JUGGERNAUT_LLM_API_KEY = KEY
    settings.JUGGERNAUT_LLM_SERVICE = mine.name
    settings.JUGGERNAUT_LLM_MODELS = FIRST
    yield mine
    models.leave()
    gate.close()


@pytest.fixture
def context(service: Service) -> TaskContext:
    """A task in progress."""
    return running_task()
