"""The console's pages of tasks, workers and processes. Everything they do, services do."""

from governance.admin import fleet, processes, tasks, workers

__all__ = ["fleet", "processes", "tasks", "workers"]
