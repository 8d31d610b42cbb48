"""Each test has the seeded rows, a worker that may call the test's tool, and threads of its own."""

from collections.abc import Iterator

import pytest

from reliability import door
from reliability.breakers import gate
from tests.door import grant, running_task
from tests.fleet import enlist


@pytest.fixture(autouse=True)
def _door(transactional_db: None) -> Iterator[None]:
    enlist()
    grant()
    gate.close()
    yield
    assert door.leave(30) == 0
    gate.close()


@pytest.fixture
def context():
    return running_task()


@pytest.fixture(params=["async", "sync"])
def is_async(request):
    """Both forms keep the same promises."""
    return request.param == "async"
