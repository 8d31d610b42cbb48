"""gunicorn's configuration: `gunicorn -c python:juggernaut.gunicorn juggernaut.wsgi`."""

import logging
import os
from pathlib import Path
from typing import Any

from juggernaut import profile, web_address

bind = web_address.from_environment().bind
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
# Nothing here is steered through it, and its default place is one for all servers of an account.
control_socket_disable = True


def when_ready(server: Any) -> None:
    """What anybody who reads the log should know of who is let in."""
    if notice := profile.notice():
        logging.getLogger("juggernaut.web").warning("%s", notice)
