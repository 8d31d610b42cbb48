"""The parent of a django-q2 cluster: it never hangs, never idles over a dead cluster, leaves no orphan.

    juggernaut workers            this process: listens to signals, looks at the pulse
      juggernaut workers: sentinel    django-q2's guard: replaces what died
        juggernaut workers: worker    one process per worker loop
        juggernaut workers: pusher    takes messages from the broker
        juggernaut workers: monitor   notes results

Plain django-q2 has dead states that nobody notices: a worker killed while it holds the queue's lock, a
killed sentinel whose orphans go on, a stop that waits for ever. Here the parent decides every 0.2 s,
from the pulse and the process table alone. What it cannot mend it ends, with an error, so that
whoever started it (`main.py`, systemd) starts it again.
"""

import gc
import logging
import os
import signal
import time
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import NoReturn

import psutil
import setproctitle
from django import db
from django.conf import settings
from django.utils.module_loading import import_string
from django_q.cluster import Cluster
from django_q.conf import Conf

from reliability.cluster import sentinel, shared_state, supervision
from reliability.errors import ClusterDead

logger = logging.getLogger(__name__)

LOOP_SECONDS = 0.2
# Between the moment by which drains must have returned and the moment at which they are killed.
MARGIN_SECONDS = 2.0
# Slots beyond the pool's size are for processes that outlived their replacement for a moment.
SPARE_SLOTS = 16


class SupervisedCluster(Cluster):
    """A cluster for one call of `run`, from this process's main thread."""

    def __init__(self, *, title: str, children: str) -> None:
        """`title` names this process in `ps`, `children` is the prefix of its descendants' names."""
        super().__init__()
        self.title = title
        self.children = children
        self.is_told_to_stop = False
        self.sentinel: BaseProcess | None = None

    def sig_handler(self, signum: int, frame: FrameType | None) -> None:
        """Only remember: almost nothing is safe while the interrupted code may hold a lock."""
        self.is_told_to_stop = True

    def run(self) -> int:
        """Start, guard until told to stop, and stop; returns the exit status."""
        try:
            self.start()
            self._guard()
        except ClusterDead as error:
            if self.is_told_to_stop:
                # A signal to the whole process group may end the sentinel first.
                return self.stop()
            logger.critical("%s ends with an error, to be started again: %s", self.children, error)
            self._end_everything()
            return 1
        return self.stop()

    def start(self) -> int:
        setproctitle.setproctitle(self.title)
        db.connections.close_all()
        shared_state.begin(slots=Conf.WORKERS + SPARE_SLOTS)
        # What is loaded by now stays shared with every child, instead of being copied by its collector.
        gc.freeze()
        self.sentinel = sentinel.fork(self.children, self.cluster_id)
        logger.info("%s started, %d processes", self.children, Conf.WORKERS)
        return os.getpid()

    def _guard(self) -> None:
        rounds = supervision.Supervision(
            shared_state.current(), self._sentinel, grace_seconds=settings.JUGGERNAUT_GRACE_SECONDS
        )
        while not self.is_told_to_stop:
            rounds.look()
            time.sleep(LOOP_SECONDS)

    def stop(self) -> int:
        """Let the drains return within the grace time, kill what stays longer; always 0."""
        grace = settings.JUGGERNAUT_GRACE_SECONDS
        logger.info("%s stop, within %g seconds", self.children, grace)
        shared_state.current().ask_to_leave(within_seconds=max(grace - MARGIN_SECONDS, grace / 2))
        self._sentinel.join(grace - min(1.0, grace / 4))
        if self._sentinel.is_alive():
            logger.error("%s did not stop within %g seconds and are killed", self.children, grace)
        self._end_everything()
        return 0

    @property
    def _sentinel(self) -> BaseProcess:
        assert self.sentinel is not None, "the cluster was not started"
        return self.sentinel

    def _end_everything(self) -> None:
        """Kill what is left. Processes that a dead sentinel left behind the kernel has killed already."""
        left = psutil.Process().children(recursive=True)
        for process in left:
            _kill(process)
        psutil.wait_procs(left, timeout=1)


def _kill(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return


def serve(*, title: str, children: str, function: str) -> NoReturn:
    """Run a cluster in this process and exit with its status.

    `function` is what its processes will be ordered to run: a module that cannot be imported ends the
    start here, with its traceback, and what it imports is shared by all processes.
    """
    import_string(function)
    # A terminal that closes ends nothing; the processes of the cluster inherit it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    status = SupervisedCluster(title=title, children=children).run()
    logging.shutdown()
    raise SystemExit(status)
