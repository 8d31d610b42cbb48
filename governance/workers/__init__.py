"""Workers and their processes: heartbeats, pausing and resuming."""
