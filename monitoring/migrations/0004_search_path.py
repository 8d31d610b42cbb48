from django.db import migrations

from governance.db.operations.search_path import pin

PINNED = (
    "alert_turned",
    "metric_transitions",
    "metric_call",
)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0003_health_probes"), ("governance", "0028_search_path")]
    operations = [pin(PINNED)]
