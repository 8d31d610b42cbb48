"""The SQL that transitions of tasks are built from."""
