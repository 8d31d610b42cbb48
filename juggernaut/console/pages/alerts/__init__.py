"""Pages of alerts and alert rules."""
