"""The database itself: connections, locks, prepared statements, notifications, error classes."""
