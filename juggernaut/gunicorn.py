"""gunicorn's configuration: `gunicorn -c python:juggernaut.gunicorn juggernaut.wsgi`."""

import logging
import os
import shutil
from pathlib import Path
from typing import Any

from juggernaut import endpoints, profile, web_address

_address = web_address.from_environment()
bind = _address.bind
proc_name = "juggernaut"
workers = int(os.environ.get("JUGGERNAUT_WEB_PROCESSES", "2"))
worker_class = "gthread"
threads = int(os.environ.get("JUGGERNAUT_WEB_THREADS", "8"))
timeout = 60
# Requests are short; the supervisor gives the web server 15 s in all.
graceful_timeout = 10
keepalive = 5
loglevel = "warning"
# A heartbeat file on a busy disk can stall a worker for long enough to be killed.
_memory = Path("/dev/shm")  # noqa: S108 (gunicorn makes an unlinked file there)
worker_tmp_dir = str(_memory) if os.access(_memory, os.W_OK) else None
logger_class = "juggernaut.gunicorn_log.SystemLogger"
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
    """What anybody who reads the log should know of who is let in."""
    if notice := profile.notice():
        logging.getLogger("juggernaut.web").warning("%s", notice)
