"""One look at all rules: findings kept, messages written."""

import logging
import time

from governance.db import errors as db_errors
from monitoring.alerts import (
    rules,  # noqa: F401 (it registers itself)
    store,
)
from monitoring.alerts.delivery import channels, outbox
from monitoring.alerts.rule_registry import RULES, Rule
from monitoring.models import AlertRule

logger = logging.getLogger(__name__)

# Longer than the time between two looks of anybody, shorter than what any rule calls silence.
TOUCH_SECONDS = 30.0


class Evaluator:
    """What one process remembers between its looks: since when it is in touch with the database."""

    def __init__(self) -> None:
        self._touched_at = float("-inf")
        self.in_touch_since = float("inf")

    def look(self) -> int:
        """Ask every rule that is switched on; how many alerts opened or ended.

        Raises what `outages.is_unavailable` knows when the database is away. A rule that fails is
        logged, and leaves its alerts as they are.
        """
        self.touch()
        rows = {row.name: row for row in AlertRule.objects.all()}
        changed = sum(
            self._ask(rule, rows[name])
            for name, rule in RULES.items()
            if name in rows and self._may_judge(rule, rows[name])
        )
        outbox.enqueue(channels.targets())
        return changed

    def touch(self) -> None:
        """Note that the database answers."""
        now = time.monotonic()
        if now - self._touched_at > TOUCH_SECONDS:
            self.in_touch_since = now
        self._touched_at = now

    def _may_judge(self, rule: Rule, row: AlertRule) -> bool:
        """Only who was there all the while can say that somebody has been silent for so long."""
        return not rule.judges_silence or self._touched_at - self.in_touch_since >= row.threshold

    def _ask(self, rule: Rule, row: AlertRule) -> int:
        try:
            findings = rule.look(row) if row.is_enabled else []
            return 0 if findings is None else store.save(row, findings)
        except Exception as error:
            if db_errors.is_unavailable(error):
                raise
            logger.exception("alert rule %r failed", rule.name)
            return 0
