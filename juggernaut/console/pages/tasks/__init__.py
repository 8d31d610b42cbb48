"""Pages of tasks and recurring tasks."""
