"""Two at once: one has done its part but not committed yet when the other comes, on its own connection."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import connection, transaction

from tests.polling import until

_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def second_after_first(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """What each returns. The second begins when the first has done its part, and the first commits when the
    second has come to an end or waits for it; then what `first` returned, if it can be called, is called
    before the commit."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            one = first()
            other = pool.submit(_elsewhere, second)
            until(lambda: other.done() or is_waited_for(), what="the second")
            one = one() if callable(one) else one
        return one, _answer(other)


def is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return bool(cursor.fetchone()[0])


def _answer(other: "Future[Any]") -> Any:
    return other.result(timeout=30)


def _elsewhere(work: Callable[[], Any]) -> Any:
    try:
        with transaction.atomic():
            return work()
    finally:
        connection.close()
