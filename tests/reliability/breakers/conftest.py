"""Each test has breakers of its own name, a gate of its own, and a database whose rows other threads see."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from reliability.breakers import gate
from reliability.breakers.gate import Gate
from reliability.breakers.rows import CircuitBreaker
from reliability.breakers.shared import SharedBreakers
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
def own_gate() -> Iterator[Callable[..., Gate]]:
    """Makes gates as other processes have them."""
    made: list[Gate] = []

    def make_gate(url: str | None = None) -> Gate:
        made.append(Gate(SharedBreakers(url)))
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
