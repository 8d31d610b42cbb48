"""An alert for answers whose usage or cost cannot be read: their whole hold is charged."""

from django.db import migrations

RULE = """
INSERT INTO alert_rules (name, severity, threshold, unit, says) VALUES
  ('unpriced_calls', 'warning', 0, 'calls',
   'More answers of a model than this, in this hour and the last, that reported no readable usage or cost.')
ON CONFLICT (name) DO NOTHING;
"""


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]
    operations = [migrations.RunSQL(RULE, "DELETE FROM alert_rules WHERE name = 'unpriced_calls'")]
