"""The operator's console, on Django's admin."""
