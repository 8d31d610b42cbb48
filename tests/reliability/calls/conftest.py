"""Each test has the seeded rows, a worker that may call the test's tool, and threads of its own."""

from collections.abc import Iterator

import pytest

from reliability import bounded_redis, calls
from reliability.breakers import client as gate
from tests.door import grant, running_task
from tests.fleet import enlist


@pytest.fixture(autouse=True)
def _door(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bounded_redis, "ANSWER_SECONDS", 5.0)  # a busy machine is not an outage
    monkeypatch.setattr(bounded_redis, "CONNECT_SECONDS", 5.0)
    enlist()
    grant()
    gate.close()
    yield
    assert calls.leave(30) == 0
    gate.close()


@pytest.fixture
def context():
    return running_task()


@pytest.fixture(params=["async", "sync"])
def is_async(request):
    """Both forms keep the same promises."""
    return request.param == "async"
