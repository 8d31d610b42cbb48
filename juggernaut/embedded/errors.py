"""Errors of embedded servers, one line each for whoever typed the command."""

import os
from pathlib import Path

from juggernaut.processes import accounts


class EmbeddedServerError(Exception):
    """An embedded server cannot run here; the text says why and what to do, in one line."""


class AlreadyRunning(EmbeddedServerError):
    """Another process holds the servers of this folder."""

    def __init__(self, var_dir: Path, *, pid: str) -> None:
        super().__init__(
            f"the servers under {var_dir} are already run by process {pid or 'unknown'}: "
            "stop it first, or choose another folder with JUGGERNAUT_VAR"
        )


class NotOurs(EmbeddedServerError):
    """The folder belongs to another account, which cannot be helped from this one."""

    def __init__(self, path: Path) -> None:
        there = next(place for place in (path, *path.parents) if _is_seen(place))
        super().__init__(
            f"{path} cannot be used by {accounts.name(os.geteuid())}: "
            f"{there} belongs to {accounts.name(there.stat().st_uid)}. Start as that account, "
            "or choose another folder with JUGGERNAUT_VAR"
        )


class DidNotStart(EmbeddedServerError):
    """The server ended, or was not ready in time."""

    def __init__(self, server: str, *, reason: str, log: Path) -> None:
        super().__init__(f"{server} did not start: {reason} (log: {log})")


def _is_seen(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True
