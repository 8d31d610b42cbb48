"""gunicorn's own messages, in the system's log (`logger_class` of `juggernaut/web/gunicorn.py`)."""

from datetime import timedelta
from logging.config import dictConfig
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from juggernaut import configuration, logs
from juggernaut.environment import ROOT
from juggernaut.security import client_address


class SystemLogger(Logger):
    """Leaves gunicorn no handler of its own: its master, which never loads Django, logs like all others.

    The access log names the client as `client_address` knows it, also behind trusted proxies.
    """

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        dictConfig(logs.configuration(logs.log_file(ROOT)))

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> dict[str, Any]:
        found: dict[str, Any] = super().atoms(resp, req, environ, request_time)
        proxies = configuration.current().trusted_proxies
        return found | {"h": client_address.of_environ(environ, proxies=proxies)}
