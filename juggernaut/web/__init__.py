"""The web server: gunicorn, the address it listens on, health probes."""
