"""Workers and the processes that serve them: registration, signs of life, and who is gone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from governance.models import Worker, WorkerProcess

# A process whose row was not renewed for this long is no longer shown as living. Its tasks were
# rescued long before, when their leases ran out.
SILENT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class ProcessHeartbeat:
    """What a process says about itself with every heartbeat. Memory is in bytes.

    `born_at` is the start of the operating-system process by its own machine's clock.
    """

    process_id: UUID
    worker_ids: Sequence[str]
    host: str
    machine: str
    pid: int
    born_at: datetime
    state: str
    in_flight: int
    finished: int
    rss_bytes: int
    version: str


# The row is written anew if it was forgotten: a process that was frozen comes back by itself. One
# that somebody has locked is left for the next heartbeat.
_ALIVE = """
WITH mine AS MATERIALIZED (
  SELECT process_id FROM worker_processes WHERE process_id = %(process_id)s::uuid
  FOR NO KEY UPDATE SKIP LOCKED),
seen AS (
  UPDATE worker_processes p SET last_seen = statement_timestamp(), state = %(state)s,
    in_flight = %(in_flight)s, finished = %(finished)s, rss_bytes = %(rss_bytes)s
  FROM mine WHERE p.process_id = mine.process_id)
INSERT INTO worker_processes
  (process_id, worker_ids, host, machine, pid, started_at, state, in_flight, finished, rss_bytes,
   rss_at_start_bytes, version)
SELECT %(process_id)s::uuid, %(worker_ids)s, %(host)s, %(machine)s, %(pid)s, %(born_at)s, %(state)s,
       %(in_flight)s, %(finished)s, %(rss_bytes)s, %(rss_bytes)s, %(version)s
WHERE NOT EXISTS (SELECT FROM worker_processes WHERE process_id = %(process_id)s::uuid)
ON CONFLICT (process_id) DO NOTHING"""

# Many processes of one worker share one row: it is enough that one of them moves it each second.
_HEARD = """
UPDATE worker_registry SET last_heartbeat = now(), version = %(version)s
WHERE worker_id IN (
  SELECT worker_id FROM worker_registry
  WHERE worker_id = ANY(%(worker_ids)s)
    AND (last_heartbeat IS NULL OR last_heartbeat < now() - interval '1 second')
  ORDER BY worker_id FOR UPDATE SKIP LOCKED)"""


def record_heartbeat(sign: ProcessHeartbeat) -> None:
    """Record the process as living, and its workers as heard of."""
    facts = {name: getattr(sign, name) for name in ProcessHeartbeat.__slots__}
    facts |= {"process_id": str(sign.process_id), "worker_ids": list(sign.worker_ids)}
    with connection.cursor() as cursor:
        cursor.execute(_ALIVE, facts)
    record_instructions_seen(sign.worker_ids, version=sign.version)


def record_instructions_seen(worker_ids: Iterable[str], *, version: str) -> None:
    """Move `last_heartbeat` of these workers to now."""
    with connection.cursor() as cursor:
        cursor.execute(_HEARD, {"worker_ids": list(worker_ids), "version": version})


def concurrency(worker_ids: Sequence[str]) -> dict[str, int]:
    """How many tasks of each of these workers one process runs at a time; unknown workers are left out."""
    return dict(Worker.objects.filter(pk__in=worker_ids).values_list("worker_id", "max_concurrency"))


def instructions(worker_id: str) -> str:
    """What the models of this worker's agents are told beside the system's own words; "" for none."""
    return Worker.objects.filter(pk=worker_id).values_list("instructions", flat=True).first() or ""


def processes_on(machine: str) -> list[WorkerProcess]:
    """The recorded processes of one machine (boot and process namespace), living or not."""
    return list(WorkerProcess.objects.filter(machine=machine))


def forget(process_ids: Iterable[UUID]) -> int:
    """Remove the rows of processes that are gone, except those that somebody has locked; returns how many."""
    return _delete("process_id = ANY(%s::uuid[])", [str(process) for process in process_ids])


def forget_silent_processes() -> int:
    """Remove the rows of processes that have not been heard of for a minute; returns how many."""
    return _delete("last_seen < now() - %s * interval '1 second'", SILENT_SECONDS)


def _delete(which: str, parameter: int | list[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM worker_processes WHERE process_id IN ("  # noqa: S608 (a constant)
            f"SELECT process_id FROM worker_processes WHERE {which} FOR UPDATE SKIP LOCKED)",
            [parameter],
        )
        gone: int = cursor.rowcount
    return gone


_LOCKED = """
WITH free AS MATERIALIZED (SELECT process_id FROM worker_processes FOR NO KEY UPDATE SKIP LOCKED)
SELECT process_id FROM worker_processes WHERE process_id NOT IN (SELECT process_id FROM free)"""


def locked_processes() -> set[UUID]:
    """The processes that cannot say that they live, because somebody has locked their rows."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCKED)
        return {process_id for (process_id,) in cursor.fetchall()}
