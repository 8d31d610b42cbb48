"""The rows of a fresh installation: workers, permissions, budgets, the fleet.

Tests that commit leave empty tables.
"""

from importlib import import_module

from django.db import connection

_INSTALLED = (
    import_module("governance.migrations.0013_rate_limits").RATE_LIMITS,
    import_module("governance.migrations.0003_sql_is_obeyed").WORKERS,
    import_module("governance.migrations.0010_permissions").PERMISSIONS,
    import_module("governance.migrations.0011_budgets").BUDGETS,
    import_module("governance.migrations.0012_waits").PERMISSIONS,
    import_module("governance.migrations.0012_waits").FLEET,
    import_module("governance.migrations.0015_tool_seeds").SEEDS,
    import_module("governance.migrations.0015_tool_seeds").NARROWED,
    import_module("governance.migrations.0016_recurring").PERMISSIONS,
    import_module("governance.migrations.0019_alerts_seed").PERMISSIONS,
    import_module("monitoring.migrations.0001_initial").RULES,
)


def enlist() -> None:
    """Put back the rows that the migration wrote."""
    with connection.cursor() as cursor:
        for rows in _INSTALLED:
            is_plain = "ON CONFLICT" not in rows and "INSERT" in rows
            cursor.execute(rows.strip().removesuffix(";") + (" ON CONFLICT DO NOTHING" if is_plain else ""))
