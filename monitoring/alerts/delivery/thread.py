"""Delivers in a thread of its own: a webhook that cannot be reached must not hold up a sweep."""

import logging
import threading

from django.db import connections

from governance.db import errors as db_errors
from monitoring.alerts.delivery import sender

logger = logging.getLogger(__name__)


class DeliveryThread:
    """One thread at a time; whoever wakes it while it is under way leaves it to finish."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Deliver what is due, if anything is. Comes back at once."""
        with self._lock:
            is_busy = self._thread is not None and self._thread.is_alive()
            if not is_busy and sender.is_due():
                self._thread = threading.Thread(target=_deliver, name="postman", daemon=True)
                self._thread.start()

    def join(self, timeout: float) -> None:
        """Wait for what is under way."""
        if self._thread is not None:
            self._thread.join(timeout)


def _deliver() -> None:
    try:
        sender.deliver()
    except db_errors.ERRORS as error:
        if not db_errors.is_unavailable(error):
            raise
        logger.warning("messages about alerts wait: %s", db_errors.describe(error))
    finally:
        connections.close_all()
