"""Each test has breakers of its own name, a gate of its own, and a database whose rows other threads see."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from reliability.breakers import client as gate
from reliability.breakers.client import BreakerClient
from reliability.breakers.models import CircuitBreaker
from reliability.breakers.redis_breaker import RedisBreakers
from tests.reliability.breakers.machines import Local, Machine, Shared


@pytest.fixture(autouse=True)
def _gate(transactional_db: None) -> Iterator[None]:
    gate.close()
    yield
    gate.close()


@pytest.fixture
def name() -> str:
    return f"service-{uuid4().hex}"


@pytest.fixture
def make(name: str) -> Callable[..., CircuitBreaker]:
    """Makes the row of the test's breaker, with settings."""

    def make_row(**settings: object) -> CircuitBreaker:
        row = CircuitBreaker.objects.create(name=name, **settings)
        row.refresh_from_db()
        return row

    return make_row


@pytest.fixture
def own_gate() -> Iterator[Callable[..., BreakerClient]]:
    """Makes gates as other processes have them."""
    made: list[BreakerClient] = []

    def make_gate(url: str | None = None) -> BreakerClient:
        made.append(BreakerClient(RedisBreakers(url)))
        return made[-1]

    yield make_gate
    for one in made:
        one.close()


@pytest.fixture(params=["shared", "local"])
def machine(request: pytest.FixtureRequest, name: str) -> Iterator[Machine]:
    """The state machine: Redis's, and the one for when Redis is away. The same tests for both."""
    made: Machine = Shared(name) if request.param == "shared" else Local(name)
    yield made
    made.close()
