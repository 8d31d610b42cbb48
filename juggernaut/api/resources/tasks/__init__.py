"""Endpoints of tasks, task types, recurring tasks and tools."""
