"""A provider of models for the tests of this folder: one process, told anew before each test."""

from collections.abc import Iterator

import pytest

from tests.workers.provider import Provider


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    running = Provider(tmp_path_factory.mktemp("provider"))
    yield running
    running.end()


@pytest.fixture
def provider(simulator: Provider) -> Provider:
    simulator.tell(faults=[], script=[], latency={"seconds": 0, "jitter_seconds": 0})
    simulator.reset()
    return simulator
