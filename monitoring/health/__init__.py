"""Health and readiness of the system."""
