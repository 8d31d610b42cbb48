"""The PostgreSQL and Redis of a test session, started before Django reads its settings.

Imported first thing by `tests/conftest.py`. They live under `JUGGERNAUT_VAR` (default `var/test`);
a `DATABASE_URL` or `REDIS_URL` in the environment is used instead. Under xdist the controller
starts them and its workers inherit the URLs.
"""

import contextlib
import os

from juggernaut import embedded
from juggernaut.database import endpoints
from juggernaut.environment import ROOT

_open = contextlib.ExitStack()


def start() -> None:
    """Start what the environment does not name, and name it there."""
    os.environ.setdefault("JUGGERNAUT_VAR", str(ROOT / "var" / "test"))
    os.environ.setdefault("JUGGERNAUT_LOGS", str(endpoints.var_dir() / "logs"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "juggernaut.settings")
    # All tests are strangers at one address; those of the limit set one of their own.
    os.environ.setdefault("JUGGERNAUT_API_ANONYMOUS_RATE", "100000/60")
    # Whatever proxy the machine has, tests talk to servers of their own.
    os.environ.setdefault("NO_PROXY", "localhost,127.0.0.1,::1")
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        servers = _open.enter_context(embedded.running(endpoints.var_dir()))
        if servers.is_without_redis:
            raise embedded.EmbeddedServerError(
                "the tests need a Redis: install redis-server (`make test` does it for root on Debian)"
            )
        os.environ.update(servers.environment)


def stop() -> None:
    """Stop what `start` started."""
    _open.close()
