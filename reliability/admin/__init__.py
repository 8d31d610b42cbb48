"""The console's pages of the machinery: failures, redrives, breakers, sweeps. Services do the work."""

from reliability.admin import breakers, groups, letters, redrives, sweeps, tasks

__all__ = ["breakers", "groups", "letters", "redrives", "sweeps", "tasks"]
