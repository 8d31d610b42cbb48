"""The broker of the workers' cluster: one order that always stands, and no queue behind it.

A worker process receives a single message, "run", and stays in it for its whole life, listening
to PostgreSQL by itself (see `reliability.engine`). The message carries nothing that could be lost,
so it is not stored anywhere: whenever django-q2 asks, it is handed out again, and a process that
replaces a dead one finds it waiting.
"""

import time
from typing import Any, NoReturn

from django.utils import timezone
from django_q.brokers import Broker
from django_q.conf import Conf
from django_q.signing import SignedPackage

from reliability.cluster import shared_state
from reliability.errors import NotAQueue

# django-q2 asks again at once when it was given nothing.
POLL_SECONDS = 0.1
# A function that cannot stay (it raises at once) is called this often, and no more.
PACE_SECONDS = 1.0

Message = tuple[None, str]


def message(function: str) -> Message:
    """The signed package that makes a worker process call `function` (a dotted name), without a time limit.

    Its identity never changes: a function that raises leaves one row among django-q2's failures, with
    the last traceback, however often that happens.
    """
    package = {
        "id": "standing-order",
        "name": function,
        "func": function,
        "args": (),
        "kwargs": {},
        "timeout": -1,
        "started": timezone.now(),
    }
    return None, SignedPackage.dumps(package)


class RestartPace:
    """A burst for every process that may be waiting, then one order per `PACE_SECONDS`."""

    def __init__(self, *, burst: int) -> None:
        self.burst = burst
        self.tokens = float(burst)
        self.refilled_at = time.monotonic()

    def allows(self, now: float) -> bool:
        """Whether an order may go out at `now` (monotonic seconds); if so it is counted."""
        self.tokens = min(self.burst, self.tokens + (now - self.refilled_at) / PACE_SECONDS)
        self.refilled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class WorkerBroker(Broker):
    """Hands out `function` for as long as the cluster is not asked to stop."""

    function = "reliability.engine.run_worker_loop"

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self._pace = RestartPace(burst=2 * Conf.WORKERS + 1)

    def __setstate__(self, state: Any) -> None:
        super().__setstate__(state)
        self._pace = RestartPace(burst=2 * Conf.WORKERS + 1)

    def dequeue(self) -> list[Message] | None:
        if not shared_state.current().is_stopping and self._pace.allows(time.monotonic()):
            return [message(self.function)]
        time.sleep(POLL_SECONDS)
        return None

    def enqueue(self, task: str) -> NoReturn:
        raise NotAQueue(self.list_key)

    def queue_size(self) -> int:
        return 0

    def lock_size(self) -> int:
        return 0

    def ping(self) -> bool:
        return True

    def info(self) -> str:
        return f"permanent message: {self.function}"
