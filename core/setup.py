"""What `python -c "from core… import …"` needs before it can call anything, with nothing set up by hand."""

import os
import site
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent


class NotInstalled(ImportError):
    """This python has no Django, and the project's own environment is not there or does not fit it."""


def prepare() -> None:
    """Make `core` usable in any process: the project's packages, its settings, its way to say no."""
    _say_refusals_in_one_line()
    _find_packages()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "juggernaut.settings")
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()


def _find_packages() -> None:
    """Take the packages of `.venv` if this python has no Django of its own.

    Entry points replace themselves with the interpreter of `.venv`; a console, whose user may have
    typed much already, can't.
    """
    if find_spec("django"):
        return
    packages = ROOT / ".venv" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    if not packages.is_dir():
        raise NotInstalled(f"Django is not installed for this python ({sys.executable}): {_remedy()}")
    known = list(sys.path)
    site.addsitedir(str(packages))
    # Ahead of this python's own packages, which may be of other versions.
    before = next((n for n, path in enumerate(known) if path.endswith("-packages")), len(known))
    sys.path[:] = [*known[:before], *sys.path[len(known) :], *known[before:]]


def _remedy() -> str:
    if (ROOT / ".venv" / "bin" / "python").exists():
        return "use .venv/bin/python"
    return "run `make run` once, which sets up .venv/"


def _say_refusals_in_one_line() -> None:
    """Let a refusal that nobody catches end in one line, instead of a traceback through internals.

    The exit status stays 1, a console stays open, and whoever wants to catch it does so as ever.
    """
    previous = sys.excepthook

    def say(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        line = _refusal(error)
        if line is None:
            previous(kind, error, traceback)
        else:
            sys.stderr.write(f"{line}\n")

    sys.excepthook = say


def _refusal(error: BaseException) -> str | None:
    if isinstance(error, NotInstalled):
        return str(error)
    from django.core.exceptions import ImproperlyConfigured

    from governance.db import errors as db_errors
    from governance.errors import GovernanceError

    if isinstance(error, GovernanceError | ImproperlyConfigured):
        return str(error)
    return db_errors.describe(error) if db_errors.is_unavailable(error) else None
