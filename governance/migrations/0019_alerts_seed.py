from importlib import import_module

from django.db import migrations

_WAITS = import_module("governance.migrations.0012_waits")

# The watchdog looks for what is wrong, and tells people, under a row of its own.
PERMISSIONS = """
INSERT INTO worker_tool_permissions (worker_id, tool_name, granted_by)
VALUES ('WATCHDOG', 'watchdog.alerts', 'installation')
"""
FORGET = """
DELETE FROM worker_tool_permissions WHERE worker_id = 'WATCHDOG' AND tool_name = 'watchdog.alerts'
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0018_access_roles")]
    operations = [
        migrations.RunSQL(_WAITS.QUIETLY.format(PERMISSIONS), _WAITS.QUIETLY.format(FORGET)),
    ]
