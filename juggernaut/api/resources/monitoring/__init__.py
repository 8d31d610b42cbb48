"""Endpoints of alerts and diagnosis."""
