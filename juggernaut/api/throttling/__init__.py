"""Request throttling: by client, counted in Redis for all processes, and shown in headers."""
