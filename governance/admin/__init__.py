"""The console's pages of tasks, workers and processes. Everything they do, services do."""

from governance.admin import approvals, budgets, permissions, processes, tasks, workers

__all__ = ["approvals", "budgets", "permissions", "processes", "tasks", "workers"]
