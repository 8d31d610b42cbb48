"""The console's pages of tasks, workers and processes. Everything they do, services do."""

from governance.admin import fleet, processes, recurring, tasks, workers

__all__ = ["fleet", "processes", "recurring", "tasks", "workers"]
