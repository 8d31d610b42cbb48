"""The local profile's secret key: made once, kept readable by its owner alone."""

import os
import secrets
from pathlib import Path


def local_secret_key(var_dir: Path) -> str:
    """The key in `var/secret_key`, made at first use; two processes at once agree on one."""
    path = var_dir / "secret_key"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create(path, secrets.token_urlsafe(50))
    return path.read_text().strip()


def _create(path: Path, key: str) -> None:
    draft = path.with_name(f".secret_key.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(key)
    try:
        os.link(draft, path)  # unlike rename, loses against a key that is already there
    except FileExistsError:
        return
    finally:
        draft.unlink()
