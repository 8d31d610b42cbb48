"""The connection to PostgreSQL and Redis: settings, driver, URLs, backups."""
