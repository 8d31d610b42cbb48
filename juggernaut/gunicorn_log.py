"""gunicorn's own messages, in the system's log (`logger_class` of `juggernaut/gunicorn.py`)."""

from logging.config import dictConfig

from gunicorn.config import Config
from gunicorn.glogging import Logger

from juggernaut import logs
from juggernaut.environment import ROOT


class SystemLogger(Logger):
    """Leaves gunicorn no handler of its own: its master, which never loads Django, logs like all others."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        dictConfig(logs.configuration(logs.log_file(ROOT)))
