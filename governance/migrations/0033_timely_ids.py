from django.db import migrations, models

# Ids are version 7 UUIDs, so lists that are filtered by time read a part of the primary key. A row whose id was
# made by somebody else, or whose `created_at` was typed in, would not be found there: these few are in an index
# of their own, and while there is one, filters read by `created_at` alone.
FUNCTION = """
CREATE FUNCTION juggernaut_id_is_timely(id uuid, at timestamptz) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT at - to_timestamp(
    ('x' || substr(id::text, 1, 8) || substr(id::text, 10, 4))::bit(48)::bigint / 1000.0::float8)
    BETWEEN '-1 hour' AND '1 hour'
$$;
"""
TABLES = ("governance_tasks", "dead_letter_queue", "tool_executions", "approvals", "budget_holds")


class Migration(migrations.Migration):
    dependencies = [("governance", "0032_values_in_range")]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION juggernaut_id_is_timely(uuid, timestamptz)"),
        *(
            migrations.RunSQL(
                f"CREATE INDEX {table}_untimely ON {table} (created_at)"
                " WHERE NOT juggernaut_id_is_timely(id, created_at)",
                f"DROP INDEX {table}_untimely",
            )
            for table in TABLES
        ),
        # The page of a task whose id was given by hand missed its approvals.
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                models.F("task_id"),
                models.F("id"),
                condition=models.Q(("task_id__isnull", False)),
                name="approval_task",
            ),
        ),
    ]
