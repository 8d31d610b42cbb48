"""The watchdog's duty `alerts`: look at all rules in every sweep, and wake the postman."""

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitoring.alerts.delivery.thread import DeliveryThread
    from monitoring.alerts.evaluator import Evaluator

NAME = "alerts"


def look(now: datetime) -> int:
    """How many alerts opened or ended."""
    evaluator, postman = _of_this_process()
    changed = evaluator.look()
    postman.wake()
    return changed


@cache
def _of_this_process() -> "tuple[Evaluator, DeliveryThread]":
    """Made late: apps register the duty before there are models."""
    from monitoring.alerts.delivery.thread import DeliveryThread
    from monitoring.alerts.evaluator import Evaluator

    return Evaluator(), DeliveryThread()
