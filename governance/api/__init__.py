"""The HTTP API under `/api/`: each resource parses, calls one verb or question, and answers."""
