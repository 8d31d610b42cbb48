"""How often somebody may ask the API: by client, in Redis for all processes, and told in headers."""
