"""Supervision by the parent of a cluster: memory, stalled loops, dead helpers.

| Seen | Done |
|---|---|
| the sentinel is dead, or has not come round its loop for 30 s | the cluster is dead |
| a worker process has not ticked for 30 s: stuck, or frozen | killed; the sentinel replaces it |
| for 60 s there was a worker process that never began to work | the cluster is dead: its queue is wedged |
| a worker process uses more memory than it may | told to leave; it is replaced when it has |
| a worker process was told to leave and stays too long | killed |
"""

import logging
import time
from multiprocessing.process import BaseProcess

import psutil
from django.conf import settings

from reliability.cluster.shared_state import ClusterState, ProcessSlot
from reliability.errors import ClusterDead

logger = logging.getLogger(__name__)

MEMORY_LOOK_SECONDS = 5.0
MEBIBYTE = 1024 * 1024


class Supervision:
    """Looks again and again at one running cluster; see the module."""

    def __init__(self, pulse: ClusterState, sentinel: BaseProcess, *, grace_seconds: float) -> None:
        self.pulse = pulse
        self.sentinel = sentinel
        self.grace_seconds = grace_seconds
        self.stuck_seconds = settings.JUGGERNAUT_STUCK_SECONDS
        self.stalled_seconds = settings.JUGGERNAUT_STALLED_CLUSTER_SECONDS
        self.max_rss_bytes = settings.JUGGERNAUT_WORKER_MAX_RSS_MB * MEBIBYTE
        self.all_began_at = time.monotonic()
        self.memory_seen_at = 0.0

    def look(self) -> None:
        """Mend what can be mended; raises `ClusterDead` for the rest."""
        now = time.monotonic()
        self._look_at_sentinel(now)
        self._look_at_queue(now)
        for slot in self.pulse.slots():
            self._look_at_worker(slot, now)
        if now - self.memory_seen_at >= MEMORY_LOOK_SECONDS:
            self.memory_seen_at = now
            for slot in self.pulse.slots():
                self._look_at_memory(slot, now)

    def _look_at_sentinel(self, now: float) -> None:
        if not self.sentinel.is_alive():
            raise ClusterDead(f"the sentinel died, exit status {self.sentinel.exitcode}")
        silent = now - self.pulse.guarded_at
        if silent > self.stuck_seconds:
            raise ClusterDead(f"the sentinel has been stuck for {silent:.0f} s")

    def _look_at_queue(self, now: float) -> None:
        slots = list(self.pulse.slots())
        if slots and all(slot.ticked_at for slot in slots):
            self.all_began_at = now
        elif now - self.all_began_at > self.stalled_seconds:
            raise ClusterDead(f"no new process was given work for {now - self.all_began_at:.0f} s")

    def _look_at_worker(self, slot: ProcessSlot, now: float) -> None:
        silent = now - slot.heard_at
        if silent > self.stuck_seconds and (process := self._process(slot)):
            logger.error("worker process %d has been stuck for %.0f s and is replaced", slot.pid, silent)
            process.kill()
        elif slot.leave_by and now > slot.leave_by and (process := self._process(slot)):
            logger.error("worker process %d did not leave in time and is replaced", slot.pid)
            process.kill()

    def _look_at_memory(self, slot: ProcessSlot, now: float) -> None:
        process = self._process(slot)
        rss = process.memory_info().rss if process else 0
        if rss > self.max_rss_bytes and not slot.leave_by:
            logger.warning(
                "worker process %d uses %d MiB, more than %d: it finishes what it runs and is replaced",
                slot.pid,
                rss // MEBIBYTE,
                self.max_rss_bytes // MEBIBYTE,
            )
            slot.leave_by = now + self.grace_seconds

    def _process(self, slot: ProcessSlot) -> psutil.Process | None:
        """The living process of a slot; a pid that the kernel has since given to another is not ours.

        The sentinel alone collects its dead children, so what is returned here keeps its pid until the
        sentinel's next round, half a second later.
        """
        try:
            process = psutil.Process(slot.pid)
            is_ours = process.ppid() == self.sentinel.pid and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if is_ours else None
