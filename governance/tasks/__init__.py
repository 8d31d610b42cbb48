"""Tasks: types, submission, transitions, checkpoints, waits, and why a task is not running."""
