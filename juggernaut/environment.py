"""Prepares every entry point before Django: the interpreter and the settings module."""

import os
import sys
from pathlib import Path

from juggernaut.processes import streams

ROOT = Path(__file__).resolve().parent.parent


def prepare() -> None:
    """Run under the project's own environment, whichever `python` the caller typed.

    The runbook says `python main.py`; on a fresh machine that `python` has no Django. When `make`
    has built `.venv`, the process replaces itself with that interpreter and the same arguments.
    """
    streams.survive()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "juggernaut.settings")
    own = ROOT / ".venv" / "bin" / "python"
    if not own.exists() and not _has_django():
        sys.exit("Django is not installed for this python: run `make run` once, which sets up .venv/")
    if own.exists() and Path(sys.prefix).resolve() != (ROOT / ".venv").resolve() and not _has_django():
        os.execv(own, [str(own), *sys.argv])


def require_settings() -> None:
    """End the process with every setting that is wrong, each on a line of its own."""
    from juggernaut import configuration

    try:
        configuration.current()
    except configuration.ConfigurationError as error:
        sys.exit("\n".join(problem.text for problem in error.problems))


def _has_django() -> bool:
    from importlib.util import find_spec

    return find_spec("django") is not None
