"""The account that a server runs as: PostgreSQL refuses to run as root, and Redis should not."""

import os
import pwd
import subprocess
from pathlib import Path
from typing import NamedTuple

UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody")
NOBODY = 65534


class Account(NamedTuple):
    """An account of this machine, as the numbers that the kernel knows it by."""

    uid: int
    gid: int


def name(uid: int) -> str:
    """The account's login name, or its number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def for_servers(data: Path) -> Account | None:
    """The account to run a server as; None means our own, which is not root.

    Root runs it as the owner of the data that is there already, else as an unprivileged account.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (found := data.stat()).st_uid != 0:
        return Account(found.st_uid, found.st_gid)
    return _unprivileged()


def can_enter(account: Account, directory: Path) -> bool:
    """Whether the account reaches the directory: asked of the kernel, which knows every rule."""
    return _succeeds(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)])


def can_run(account: Account, program: Path) -> bool:
    """Whether the account can execute the program where it is."""
    return _succeeds(account, [str(program), "--version"])


def _succeeds(account: Account, argv: list[str]) -> bool:
    try:
        answer = subprocess.run(
            argv,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except PermissionError:
        return False
    return answer.returncode == 0


def _unprivileged() -> Account:
    for login in UNPRIVILEGED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(login)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return Account(NOBODY, NOBODY)
