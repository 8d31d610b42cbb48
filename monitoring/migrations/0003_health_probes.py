"""The row that health writes."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0002_unpriced_calls")]
    operations = [
        migrations.CreateModel(
            name="HealthProbe",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("written_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"db_table": "health_probes"},
        ),
    ]
