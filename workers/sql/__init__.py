"""Read-only SQL for tools: the query, and the database role that it runs as."""
