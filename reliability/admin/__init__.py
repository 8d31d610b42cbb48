"""The console's pages of the machinery: failures, dead letters, redrives, sweeps. Services do the work."""

from reliability.admin import groups, letters, redrives, sweeps, tasks

__all__ = ["groups", "letters", "redrives", "sweeps", "tasks"]
