"""Who may do what: actors, roles, tool permissions, approvals, rate limits, recorded calls."""
