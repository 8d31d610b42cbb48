"""The rows of monitoring: alerts with their rules and messages, and counts that outlive processes."""

from monitoring.models.alert import Alert, AlertMessage, AlertRule
from monitoring.models.health import HealthProbe
from monitoring.models.tally import Tally

__all__ = ["Alert", "AlertMessage", "AlertRule", "HealthProbe", "Tally"]
