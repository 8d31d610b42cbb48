"""Logs that a dependency is unreachable and that it is back, once each."""

import logging


class Outage:
    """The state of one thing that this process depends on, such as `database connection`."""

    def __init__(self, what: str, logger: logging.Logger) -> None:
        self.what = what
        self.logger = logger
        self.is_on = False

    def seen(self, description: str) -> None:
        """It failed; `description` is one line that holds the words operators search the log for."""
        if not self.is_on:
            self.is_on = True
            self.logger.error("%s", description)

    def over(self) -> None:
        """It answered."""
        if self.is_on:
            self.is_on = False
            self.logger.warning("%s restored", self.what)
