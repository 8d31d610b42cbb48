"""Admin actions: forms with a reason, confirmation, results of many rows."""
