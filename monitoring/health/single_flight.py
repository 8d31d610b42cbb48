"""An examination that many ask for at once and that may hang: it runs in one thread, never in more."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

Answer = TypeVar("Answer")

FRESH_SECONDS = 0.5


class SingleFlight(Generic[Answer]):
    """Runs `examine` for whoever asks first; all who ask meanwhile, or just after, share its answer.

    However long it hangs, there is one thread of it, and each who asks decides how long to wait.
    """

    def __init__(self, examine: Callable[[], Answer]) -> None:
        self._examine = examine
        self._lock = threading.Lock()
        self._answer: Future[Answer] | None = None
        self._answered_at = 0.0

    def ask(self) -> Future[Answer]:
        """The answer of now, or of at most half a second ago."""
        with self._lock:
            if self._answer is None or self._is_stale(self._answer):
                self._answer = Future()
                threading.Thread(target=self._run, args=[self._answer], daemon=True).start()
            return self._answer

    def _is_stale(self, answer: Future[Answer]) -> bool:
        return answer.done() and time.monotonic() - self._answered_at > FRESH_SECONDS

    def _run(self, answer: Future[Answer]) -> None:
        try:
            found = self._examine()
        except BaseException as error:  # noqa: BLE001 (whoever waits for the answer raises it)
            self._answered_at = time.monotonic()
            answer.set_exception(error)
        else:
            self._answered_at = time.monotonic()
            answer.set_result(found)
