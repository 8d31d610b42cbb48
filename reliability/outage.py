"""Says that something is away, and that it is back: once each, however often it is asked for."""

import logging


class Outage:
    """The state of one thing that this process depends on, such as "database connection"."""

    def __init__(self, what: str, logger: logging.Logger) -> None:
        self.what = what
        self.logger = logger
        self.is_on = False

    def seen(self, error: Exception) -> None:
        """It failed. The words `<what> failed` are what operators search the log for."""
        if not self.is_on:
            self.is_on = True
            self.logger.error("%s failed: %s", self.what, " ".join(str(error).split()))

    def over(self) -> None:
        """It answered."""
        if self.is_on:
            self.is_on = False
            self.logger.warning("%s restored", self.what)
