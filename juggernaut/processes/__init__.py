"""Child processes: their accounts, streams, start and end."""
