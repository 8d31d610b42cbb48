"""Shared memory of a cluster's processes: heartbeats upwards, requests to leave downwards.

It is shared memory made before the fork, and there is no lock in it: a process may be killed at any
instruction, and a lock that dies with its holder is how plain django-q2 clusters hang. Every field
has one writer at a time, every value fits in one aligned store.

A function that stays in its worker process (a worker loop, the watch) does this and no more:

    beat = pulse.join()
    while not beat.should_leave:
        beat.tick()  # about once a second, also while it waits for a database that is away
        ...

Times are `time.monotonic()` seconds, which on Linux is one clock for all processes of a machine.
"""

import ctypes
import math
import os
import secrets
import socket
import time
from collections.abc import Iterator
from multiprocessing.sharedctypes import RawArray, RawValue

import psutil

# The logical workers that this cluster serves; `run_workers` sets it before the fork.
worker_ids: tuple[str, ...] = ("EXECUTOR", "ANALYST", "STRATEGIST", "ORCHESTRATOR")


class ProcessSlot(ctypes.Structure):
    """One worker process: zero means "never", and a `pid` of zero that the slot was never used."""

    _fields_ = (
        ("pid", ctypes.c_long),
        ("born_at", ctypes.c_double),
        ("ticked_at", ctypes.c_double),
        ("leave_by", ctypes.c_double),
        ("is_staying", ctypes.c_double),
    )
    pid: int
    born_at: float
    ticked_at: float
    leave_by: float
    is_staying: float

    @property
    def heard_at(self) -> float:
        """When the process last gave a sign of life; being born is one."""
        return max(self.born_at, self.ticked_at)


class ClusterState:
    """The shared memory of one cluster, made by its parent before anything is forked."""

    def __init__(self, *, slots: int) -> None:
        self._leave_by = RawValue(ctypes.c_double, 0.0)
        self._guarded_at = RawValue(ctypes.c_double, time.monotonic())
        self._slots = RawArray(ProcessSlot, slots)
        # Who this cluster is, in words: the machine, the parent's pid, and what tells it from an earlier one.
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"

    @property
    def is_stopping(self) -> bool:
        return self._leave_by.value > 0

    @property
    def leave_by(self) -> float:
        """When every worker loop must have returned; infinity while nobody asks."""
        return self._leave_by.value or math.inf

    def ask_to_leave(self, *, within_seconds: float) -> None:
        """Tell every worker loop of the cluster to finish what it runs, take nothing new, and return."""
        self._leave_by.value = time.monotonic() + within_seconds

    @property
    def guarded_at(self) -> float:
        """When the sentinel last came round its guard loop."""
        return self._guarded_at.value

    def guard_tick(self) -> None:
        self._guarded_at.value = time.monotonic()

    def slots(self) -> Iterator[ProcessSlot]:
        """The slots in use, those of processes that died and were not yet replaced included."""
        return (slot for slot in self._slots if slot.pid)

    def take_slot(self) -> ProcessSlot:
        """A fresh slot for a process about to be forked; only the sentinel takes slots."""
        for slot in self._slots:
            if not slot.pid or not psutil.pid_exists(slot.pid):
                slot.ticked_at = slot.leave_by = slot.is_staying = 0.0
                slot.born_at = time.monotonic()
                return slot
        raise RuntimeError("every slot of the pulse belongs to a living process")


class ProcessState:
    """One process's end of the pulse."""

    def __init__(self, pulse: ClusterState, slot: ProcessSlot) -> None:
        self._pulse = pulse
        self._slot = slot

    def tick(self) -> None:
        """Say "alive and moving": without it for 30 s the process counts as stuck and is killed."""
        self._slot.ticked_at = time.monotonic()

    @property
    def should_leave(self) -> bool:
        """Whether to claim nothing more and return, because the cluster or this process is to end."""
        return self._pulse.is_stopping or self._slot.leave_by > 0

    @property
    def leave_by(self) -> float:
        """`time.monotonic()` by which to have returned, running tasks given back; infinity if not asked.

        Whoever stays longer is killed.
        """
        return min(self._pulse.leave_by, self._slot.leave_by or math.inf)


_current: ClusterState | None = None
_own_slot: ProcessSlot | None = None


def begin(*, slots: int) -> ClusterState:
    """Make the pulse of the cluster that this process is about to fork (or of a test)."""
    global _current, _own_slot
    _current, _own_slot = ClusterState(slots=slots), None
    return _current


def current() -> ClusterState:
    """The pulse of the cluster that this process belongs to; one of its own when there is none."""
    return _current or begin(slots=1)


def adopt(slot: ProcessSlot) -> None:
    """Make `slot` this process's own; a worker process does it first of all."""
    global _own_slot
    slot.pid = os.getpid()
    _own_slot = slot


def join() -> ProcessState:
    """Begin to stay: this process ticks from now on, until its function returns."""
    pulse = current()
    if _own_slot is None or _own_slot.pid != os.getpid():
        adopt(pulse.take_slot())
    assert _own_slot is not None
    beat = ProcessState(pulse, _own_slot)
    _own_slot.is_staying = 1.0
    beat.tick()
    return beat


def rest() -> None:
    """The function of this process returned, and the process waits for its next order."""
    if _own_slot is not None:
        _own_slot.is_staying = 0.0


def is_anybody_staying() -> bool:
    """Whether some process of this cluster is in a function that stays."""
    return any(slot.is_staying and psutil.pid_exists(slot.pid) for slot in current().slots())
