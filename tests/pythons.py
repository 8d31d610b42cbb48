"""The Pythons of this machine: `python -m tests.pythons` prints the newest supported one if it is another."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.lock import PYTHONS

# Where pyenv and uv keep theirs, as patterns below the home directory.
_FOLDERS = (
    ".pyenv/versions/{version}.*/bin/python3",
    ".local/share/uv/python/cpython-{version}.*/bin/python3",
)
_ASK = "import pip, venv, sys; print(*sys.version_info[:2], sys.executable)"


def find(python: tuple[int, int]) -> Path | None:
    """Return an interpreter of this version that can make environments; None if the machine has none.

    A shim of pyenv's on the PATH counts only if it starts that version.
    """
    found = (_executable(path, python=python) for path in _candidates(python))
    return next((path for path in found if path), None)


def where() -> str:
    """Return the places that `find` looks at, in words."""
    return "the PATH, pyenv's folder and uv's"


def newest() -> tuple[tuple[int, int], Path] | None:
    """Return the newest supported version on this machine and its interpreter; None if there is none."""
    found = ((python, find(python)) for python in reversed(PYTHONS))
    return next(((python, path) for python, path in found if path), None)


def _candidates(python: tuple[int, int]) -> Iterator[Path]:
    version = f"{python[0]}.{python[1]}"
    for program in (f"python{version}", "python3"):
        if on_path := shutil.which(program):
            yield Path(on_path)
    if root := os.environ.get("PYENV_ROOT"):
        yield from sorted(Path(root).glob(f"versions/{version}.*/bin/python3"), reverse=True)
    for pattern in _FOLDERS:
        yield from sorted(Path.home().glob(pattern.format(version=version)), reverse=True)


def _executable(path: Path, *, python: tuple[int, int]) -> Path | None:
    """Return what the program really runs, if that is the asked version and has pip."""
    try:
        answer = subprocess.run([path, "-c", _ASK], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = answer.stdout.strip()
    version = f"{python[0]} {python[1]} "
    return Path(said.removeprefix(version)) if answer.returncode == 0 and said.startswith(version) else None


def main() -> None:
    """Print the path of the newest interpreter, or nothing if this one is of that version."""
    found = newest()
    if found and found[0] != sys.version_info[:2]:
        print(found[1])


if __name__ == "__main__":
    main()
