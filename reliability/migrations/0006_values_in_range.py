from django.db import migrations

from governance.db.operations.value_guards import guard, shape


class Migration(migrations.Migration):
    dependencies = [("reliability", "0005_search_path")]
    operations = [
        guard(
            "circuit_breaker_events",
            "circuit_breakers",
            "leadership",
            "redrive_items",
            "redrives",
            "watchdog_sweeps",
        ),
        shape("watchdog_sweeps", counts="object"),
        shape("redrives", filter="object", left_out="object"),
        migrations.RunSQL(
            "ALTER TABLE redrives ADD CONSTRAINT stage_of_plan CHECK (stage BETWEEN 0 AND cardinality(plan) - 1)",
            "ALTER TABLE redrives DROP CONSTRAINT stage_of_plan",
        ),
    ]
