"""One look at all rules: findings kept, messages written."""

import logging
import time

from governance import outages
from monitoring.alerts import book, channels, outbox, rules  # noqa: F401 (rules registers itself)
from monitoring.alerts.findings import RULES, Rule
from monitoring.models import AlertRule

logger = logging.getLogger(__name__)

# Longer than the time between two looks of anybody, shorter than what any rule calls silence.
TOUCH_SECONDS = 30.0


class Evaluator:
    """What one process remembers between its looks: whether it was in touch with the database."""

    def __init__(self) -> None:
        self._touched_at = float("-inf")

    def look(self) -> int:
        """Ask every rule that is switched on; how many alerts opened or ended.

        Raises what `outages.is_connection_failure` knows when the database is away. A rule that fails is
        logged, and leaves its alerts as they are.
        """
        was_in_touch = self.touch()
        rows = {row.name: row for row in AlertRule.objects.all()}
        changed = sum(
            self._ask(rule, rows[name])
            for name, rule in RULES.items()
            if name in rows and (was_in_touch or not rule.judges_silence)
        )
        outbox.fill(channels.targets())
        return changed

    def touch(self) -> bool:
        """Note that the database answers; whether it did a moment ago, too."""
        now = time.monotonic()
        was_in_touch = now - self._touched_at <= TOUCH_SECONDS
        self._touched_at = now
        return was_in_touch

    def _ask(self, rule: Rule, row: AlertRule) -> int:
        try:
            findings = rule.look(row) if row.is_enabled else []
            return 0 if findings is None else book.keep(row, findings)
        except Exception as error:
            if outages.is_connection_failure(error):
                raise
            logger.exception("alert rule %r failed", rule.name)
            return 0
