from importlib import import_module

from django.db import migrations

# Written silently: an installation has changed nothing.
RULE = """
INSERT INTO retention_rules (name, keep_days, least_days, what)
VALUES ('ended sessions', 1, 1, 'sessions of the console since they have expired')
ON CONFLICT (name) DO NOTHING
"""
NO_RULE = "DELETE FROM retention_rules WHERE name = 'ended sessions'"
QUIETLY = import_module("governance.migrations.0012_waits").QUIETLY


class Migration(migrations.Migration):
    dependencies = [("governance", "0028_search_path")]
    operations = [migrations.RunSQL(QUIETLY.format(RULE), QUIETLY.format(NO_RULE))]
