"""Endpoints of the fleet, workers, circuit breakers and retention."""
