"""The other worker processes of this machine: which of them are gone, and what they held."""

from pathlib import Path

import psutil

from governance.db import notifications
from governance.models import WorkerProcess
from governance.tasks import transitions
from governance.workers import heartbeats

# The clock of a machine may be set; the start of a process is computed from it.
CLOCK_TOLERANCE_SECONDS = 10.0


def machine() -> str:
    """The boot and the process namespace: two processes can look each other up by pid if these agree."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"


def rescue_from_dead() -> int:
    """Take back at once what dead processes of this machine held; returns how many tasks moved.

    Without it their tasks would wait for the leases to run out. Nothing is guessed: the pid is looked
    up where it was given.
    """
    dead = [row.process_id for row in heartbeats.processes_on(machine()) if not _is_living(row)]
    moved = transitions.rescue(dead=dead) if dead else []
    heartbeats.forget(dead)
    notifications.notify_workers(task.worker_id for task in moved)
    return len(moved)


def _is_living(row: WorkerProcess) -> bool:
    try:
        process = psutil.Process(row.pid)
        is_same = process.create_time() < row.started_at.timestamp() + CLOCK_TOLERANCE_SECONDS
        return is_same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
