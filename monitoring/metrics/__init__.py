"""Prometheus metrics at `/metrics`: state from the database, requests from the web processes."""
