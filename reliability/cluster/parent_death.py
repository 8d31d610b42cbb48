"""No process outlives the one that it serves."""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when the process `parent_pid`, which forked it, ends.

    Call it first thing in the child, from the parent's point of view right after the fork: the kernel
    clears the request at every fork, and an `exec` of a set-uid program or a change of user clears it
    too. A parent that died before the request took effect is noticed here.
    """
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        os._exit(1)
