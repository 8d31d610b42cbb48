"""What Prometheus reads at `/metrics`: the state by the database, the requests by the web processes."""
