"""Alerts in the console."""

from monitoring.admin import alerts, rules  # noqa: F401 (their import registers them)
