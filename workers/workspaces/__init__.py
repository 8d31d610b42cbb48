"""The folders of tasks: their files, and their removal."""
