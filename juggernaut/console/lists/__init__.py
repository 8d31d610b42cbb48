"""Lists of the console: read-only admins, columns, filters, search."""
