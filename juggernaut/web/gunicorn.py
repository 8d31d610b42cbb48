"""gunicorn's configuration: `gunicorn -c python:juggernaut.web.gunicorn juggernaut.wsgi`."""

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from juggernaut import configuration, profile
from juggernaut.configuration import names
from juggernaut.database import endpoints
from juggernaut.processes import streams
from juggernaut.web import bind_address

streams.survive()
_configured = configuration.current()

_address = bind_address.from_environment()
bind = _address.bind
proc_name = "juggernaut"
workers = _configured.web_processes
worker_class = "gthread"
threads = _configured.web_threads
timeout = 60
# Requests are short; the supervisor gives the web server 15 s in all.
graceful_timeout = 10
keepalive = 5
loglevel = "warning"
# Who asked for what, and what was answered: without the query, in which secrets may be.
accesslog = "-" if _configured.access_log else None
access_log_format = '%(h)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms "%(a)s"'
# A heartbeat file on a busy disk can stall a worker for long enough to be killed.
_memory = Path("/dev/shm")  # noqa: S108 (gunicorn makes an unlinked file there)
worker_tmp_dir = str(_memory) if os.access(_memory, os.W_OK) else None
logger_class = "juggernaut.web.gunicorn_log.SystemLogger"
# Where the processes of this server count their requests, for `/metrics` to add up. Set before anybody
# imports the library that reads it.
_counts = endpoints.var_dir() / "run" / f"requests-{_address.port}"
raw_env = [f"PROMETHEUS_MULTIPROC_DIR={_counts}"]
# Nothing here is steered through it, and its default place is one for all servers of an account.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """A server that starts has answered nothing yet: what an earlier one left behind does not count."""
    shutil.rmtree(_counts, ignore_errors=True)
    _counts.mkdir(parents=True)


def when_ready(server: Any) -> None:
    """Go on when the terminal closes, and log settings without effect and who needs no token."""
    # gunicorn would replace its workers, and nobody answered until new ones have started.
    streams.ignore_hangups()
    names.log_warnings()
    if notice := profile.notice():
        logging.getLogger("juggernaut.web").warning("%s", notice)
