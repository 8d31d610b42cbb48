"""The database driver is psycopg2, whatever else is installed.

Django takes psycopg 3 as soon as it can be imported. The project's SQL is written for psycopg2, which puts
parameters into the text; psycopg 3 leaves their types to the server, which refuses some statements.
"""

import importlib
import sys
from importlib.util import find_spec

import psycopg2

# Each of the two imports psycopg 3 first, and falls back to psycopg2.
_TYPES = "django.db.backends.postgresql.psycopg_any"
_BACKEND = "django.db.backends.postgresql.base"
_OTHER = "psycopg"


class WrongDriver(Exception):
    """Django has chosen psycopg 3 already."""


def choose() -> None:
    """Make Django load psycopg2. psycopg 3 stays importable for everybody else.

    Django's choice of types is made again if something (`django.contrib.postgres.fields`) imported them
    before. Raises `WrongDriver` if the backend itself was imported before, with psycopg 3.
    """
    if getattr(sys.modules.get(_BACKEND), "is_psycopg3", False):
        raise WrongDriver(
            "Django has loaded its PostgreSQL backend with psycopg 3, but the project needs psycopg2: "
            "import django.db.backends.postgresql after the settings, or uninstall psycopg"
        )
    hidden = sys.modules.get(_OTHER)
    sys.modules[_OTHER] = None  # type: ignore[assignment] # an import of it raises ImportError
    try:
        types = importlib.import_module(_TYPES)
        if types.is_psycopg3:
            importlib.reload(types)
        importlib.import_module(_BACKEND)
    finally:
        del sys.modules[_OTHER]
        if hidden is not None:
            sys.modules[_OTHER] = hidden


def describe() -> str:
    """Return which driver is in use, in words: `psycopg2 2.9.13`, and whether psycopg 3 lies beside it."""
    version = str(vars(psycopg2)["__version__"]).split()[0]  # its stubs do not know it
    used = f"psycopg2 {version}"
    return f"{used} (psycopg 3 is installed too and is not used)" if find_spec(_OTHER) else used
