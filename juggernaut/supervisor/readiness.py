"""Whether the machine can do its work: the web server accepts connections, and every worker has a process."""

import contextlib
import time
from collections.abc import Iterator, Mapping

import dj_database_url
import psutil
import psycopg2

from juggernaut.supervisor.parts import Program
from juggernaut.web.bind_address import WebAddress

# After so long without being ready, the terminal says what is missing.
PATIENCE_SECONDS = 20.0
CONNECT_SECONDS = 2
STATEMENT_MILLISECONDS = 2000
# A process says that it lives every 2 s.
SILENT_SECONDS = 10

_REGISTERED = "SELECT worker_id FROM worker_registry WHERE worker_id <> 'WATCHDOG' ORDER BY worker_id"
_LIVING = """
SELECT pid, worker_ids FROM worker_processes
WHERE state = 'running' AND last_seen > now() - %s * interval '1 second'"""


class Readiness:
    """Looks at the parts of one machine until all of them work.

    `workers` is None on a machine that runs no workers, `address` on one that has no web server.
    """

    def __init__(
        self, *, address: WebAddress | None, workers: Program | None, environment: Mapping[str, str]
    ) -> None:
        self._address = address
        self._workers = workers
        self._environment = environment
        self._began_at = time.monotonic()
        self._has_complained = False

    def missing(self) -> list[str]:
        """Return what does not work yet, in words; empty when the machine is ready."""
        found = []
        if self._address is not None and not self._address.accepts():
            found.append(f"the web server does not accept connections at {self._address.url}")
        if self._workers is not None:
            found += self._missing_workers(self._workers)
        return found

    def is_complaint_due(self) -> bool:
        """Return True once, when the machine has not become ready in time."""
        is_due = not self._has_complained and time.monotonic() - self._began_at >= PATIENCE_SECONDS
        self._has_complained = self._has_complained or is_due
        return is_due

    def _missing_workers(self, workers: Program) -> list[str]:
        if workers.pid is None:
            return ["the workers' process has ended"]
        try:
            with _cursor(self._environment["DATABASE_URL"]) as cursor:
                cursor.execute(_REGISTERED)
                registered = [row[0] for row in cursor.fetchall()]
                cursor.execute(_LIVING, (SILENT_SECONDS,))
                living = cursor.fetchall()
        except psycopg2.Error as error:
            return [f"the database does not say which workers live: {' '.join(str(error).split())}"]
        if not registered:
            return ["no worker is registered: run `manage.py set_up`"]
        ours = _descendants(workers.pid)
        served = {worker_id for pid, worker_ids in living if pid in ours for worker_id in worker_ids}
        idle = [worker_id for worker_id in registered if worker_id not in served]
        return [f"no process takes tasks of {', '.join(idle)}"] if idle else []


@contextlib.contextmanager
def _cursor(url: str) -> Iterator["psycopg2.extensions.cursor"]:
    """A cursor in a transaction of its own that never waits for long."""
    where = dj_database_url.parse(url)
    connection = psycopg2.connect(
        host=where["HOST"],
        port=where["PORT"] or None,
        user=where["USER"] or None,
        password=where["PASSWORD"] or None,
        dbname=where["NAME"],
        connect_timeout=CONNECT_SECONDS,
        application_name="juggernaut main",
        **{name: value for name, value in where.get("OPTIONS", {}).items() if name.startswith("ssl")},
    )
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MILLISECONDS}")
        yield cursor


def _descendants(pid: int) -> set[int]:
    try:
        return {child.pid for child in psutil.Process(pid).children(recursive=True)}
    except psutil.NoSuchProcess:
        return set()
