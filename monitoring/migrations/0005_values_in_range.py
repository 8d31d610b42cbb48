from django.db import migrations

from governance.db.operations.value_guards import guard, shape


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0004_search_path")]
    operations = [
        guard(
            "alert_messages",
            "alert_rules",
            "alerts",
            "health_probes",
            "metric_tallies",
        ),
        shape("alerts", evidence="object"),
        shape("alert_messages", content="object"),
    ]
