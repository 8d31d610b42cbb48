# What the workers may call for the work that is shipped, and how often: enough for a busy day, and little
# enough that a loop which nobody watches ends within the minute. Money is bounded by budgets besides.
from typing import Any

from django.db import migrations

# Who reads only gets `http.get` instead of `http.request`. Rows that somebody has set otherwise stay.
SEEDS = """
INSERT INTO worker_tool_permissions (worker_id, tool_name, granted_by, max_calls_per_day, max_calls_per_minute)
SELECT worker_id, tool_name, 'installation', per_day, per_minute FROM (VALUES
  ('EXECUTOR', 'http.get', 5000, 120),
  ('EXECUTOR', 'http.request', 1000, 60),
  ('EXECUTOR', 'sql.query', 5000, 120),
  ('EXECUTOR', 'files.*', 20000, 600),
  ('EXECUTOR', 'tasks.create', 500, 60),
  ('EXECUTOR', 'notify.send', 50, 5),
  ('EXECUTOR', 'model.*', 20000, 600),
  ('ANALYST', 'http.get', 5000, 120),
  ('ANALYST', 'sql.query', 5000, 120),
  ('ANALYST', 'model.*', 20000, 600),
  ('STRATEGIST', 'sql.query', 1000, 60),
  ('STRATEGIST', 'tasks.create', 200, 30),
  ('STRATEGIST', 'model.*', 20000, 600),
  ('ORCHESTRATOR', 'tasks.create', 2000, 120),
  ('ORCHESTRATOR', 'notify.send', 50, 5),
  ('ORCHESTRATOR', 'model.*', 20000, 600),
  ('WATCHDOG', 'notify.send', 500, 20)
) AS seeds(worker_id, tool_name, per_day, per_minute)
ON CONFLICT (worker_id, tool_name, effect) DO UPDATE
SET max_calls_per_day = excluded.max_calls_per_day, max_calls_per_minute = excluded.max_calls_per_minute
WHERE worker_tool_permissions.granted_by = 'installation'
  AND worker_tool_permissions.max_calls_per_day IS NULL
  AND worker_tool_permissions.max_calls_per_minute IS NULL
  AND NOT worker_tool_permissions.requires_approval;
"""
NARROWED = """
DELETE FROM worker_tool_permissions
WHERE worker_id = 'ANALYST' AND tool_name = 'http.request' AND granted_by = 'installation'
  AND max_calls_per_day IS NULL AND max_calls_per_minute IS NULL AND NOT requires_approval;
"""


def plant(apps: Any, schema_editor: Any) -> None:
    """A fresh installation has changed nothing; an older one is told in its audit log what changed."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM audit_log)")
        is_fresh = not cursor.fetchone()[0]
        if is_fresh:
            cursor.execute("ALTER TABLE worker_tool_permissions DISABLE TRIGGER permission_audited")
        cursor.execute(
            "SELECT set_config('juggernaut.actor', 'installation', true),"
            " set_config('juggernaut.verb', 'seed', true),"
            " set_config('juggernaut.reason', 'quotas for the tools that are shipped', true)"
        )
        cursor.execute(SEEDS)
        cursor.execute(NARROWED)
        cursor.execute(
            "SELECT set_config('juggernaut.actor', '', true), set_config('juggernaut.verb', '', true),"
            " set_config('juggernaut.reason', '', true)"
        )
        if is_fresh:
            cursor.execute("ALTER TABLE worker_tool_permissions ENABLE TRIGGER permission_audited")


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0013_rate_limits"),
    ]

    operations = [
        migrations.RunPython(plant, migrations.RunPython.noop),
    ]
