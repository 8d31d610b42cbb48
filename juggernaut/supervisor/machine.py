"""The parts of one machine, kept alive until somebody asks for a stop."""

import logging
import time
from collections.abc import Sequence

from juggernaut.embedded import EmbeddedServerError
from juggernaut.supervisor.backoff import Backoff
from juggernaut.supervisor.parts import Part
from juggernaut.supervisor.signals import Signals

logger = logging.getLogger(__name__)


class Machine:
    """Parts in the order in which they stop; each is restarted when it dies, alone."""

    def __init__(self, parts: Sequence[Part], *, signals: Signals) -> None:
        self._parts = parts
        self._signals = signals
        self._backoffs = {part.name: Backoff() for part in parts}
        self._due_at: dict[str, float] = {}

    def start(self) -> None:
        """Start what does not run yet."""
        for part in self._parts:
            if part.pid is None:
                part.start()
            self._backoffs[part.name].started(time.monotonic())

    def look(self, *, at_most_seconds: float) -> None:
        """Restart what died and is due; then wait for a signal or a death, at most that long."""
        now = time.monotonic()
        for part in self._parts:
            if part.pid is None:
                self._revive(part, now=now)
        soonest = min((due - now for due in self._due_at.values()), default=at_most_seconds)
        self._signals.wait(max(0.0, min(soonest, at_most_seconds)))

    def stop(self) -> None:
        """Stop the parts one after another; a second stop signal kills what is left at once."""
        for part in self._parts:
            part.ask_to_stop()
            deadline = time.monotonic() + part.stop_seconds
            while part.pid is not None and time.monotonic() < deadline and not self._signals.is_stop_urgent:
                self._signals.wait(0.1)
            if part.pid is not None:
                why = "was told to stop at once" if self._signals.is_stop_urgent else "did not stop in time"
                logger.warning("%s %s: killed", part.name, why)
            part.kill()

    def _revive(self, part: Part, *, now: float) -> None:
        due_at = self._due_at.get(part.name)
        if due_at is None:
            self._plan(part, now=now, what="ended")
        elif now >= due_at:
            del self._due_at[part.name]
            self._restart(part)

    def _restart(self, part: Part) -> None:
        try:
            part.start()
        except EmbeddedServerError as error:
            self._plan(part, now=time.monotonic(), what=str(error))
        else:
            self._backoffs[part.name].started(time.monotonic())
            logger.warning("%s runs again as process %s", part.name, part.pid)

    def _plan(self, part: Part, *, now: float, what: str) -> None:
        delay = self._backoffs[part.name].delay(now)
        self._due_at[part.name] = now + delay
        logger.error("%s: %s; it starts again in %g s", part.name, what, delay)
