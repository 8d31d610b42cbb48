"""The console's pages of the machinery: failures, redrives, breakers, sweeps. Services do the work."""

from reliability.admin import breakers, groups, letters, permissions, redrives, sweeps, tasks

__all__ = ["breakers", "groups", "letters", "permissions", "redrives", "sweeps", "tasks"]
