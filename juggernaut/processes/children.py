"""Starting and ending child processes so that none is ever left behind.

Every child gets a session of its own (Ctrl-C in the terminal reaches only the one who started it,
who then stops its children in order) and a parent-death signal: the kernel ends it when its parent
is killed, however suddenly.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from juggernaut.processes.accounts import Account

PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


def start(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    output: IO[bytes] | int | None = None,
    account: Account | None = None,
    signal_when_orphaned: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `argv` as a child that dies with its parent; `output` takes both stdout and stderr.

    Call it from a thread that lives as long as the child should: the kernel sends the parent-death
    signal when the starting *thread* ends.
    """
    parent = os.getpid()

    def before_exec() -> None:
        # After the change of account, which clears the setting (prctl(2)).
        _libc.prctl(PR_SET_PDEATHSIG, int(signal_when_orphaned), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the setting held
            os._exit(1)

    return subprocess.Popen(
        [str(argument) for argument in argv],
        env=dict(environment) if environment is not None else None,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        preexec_fn=before_exec,
    )


def ended_within(process: subprocess.Popen[bytes], *, seconds: float) -> bool:
    """Wait for the process to end, at most `seconds`; say whether it did."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def stop(process: subprocess.Popen[bytes], *, ask: signal.Signals, grace_seconds: float) -> bool:
    """Ask the process to end; kill it and its whole group when the grace is over.

    Returns whether it ended by itself.
    """
    if process.poll() is None:
        process.send_signal(ask)
    ended = ended_within(process, seconds=grace_seconds)
    kill(process)
    return ended


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process and its group, and reap it."""
    # The group may be gone already, or hold nothing but members that changed account.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
