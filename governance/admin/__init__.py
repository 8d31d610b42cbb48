"""The console's pages of tasks, workers and processes. Everything they do, services do."""

from governance.admin import processes, tasks, workers

__all__ = ["processes", "tasks", "workers"]
