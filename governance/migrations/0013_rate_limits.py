import django.db.models.functions.datetime
from django.db import migrations, models

import governance.models.defaults

# Far above what the shipped work needs: they end a loop gone wild before it has done a day's calls.
RATE_LIMITS = """
INSERT INTO rate_limits (name, max_calls, per_seconds, set_by) VALUES
  ('http.request', 600, 60, 'installation'),
  ('model.*', 600, 60, 'installation'),
  ('tasks.create', 600, 60, 'installation'),
  ('notify.send', 30, 60, 'installation');
"""

AUDITED = """
CREATE TRIGGER rate_limit_audited AFTER INSERT OR UPDATE OR DELETE ON rate_limits
  FOR EACH ROW EXECUTE FUNCTION audit_change('rate_limit', 'name', 'set_by set_at');
"""


class Migration(migrations.Migration):

    dependencies = [
        ('governance', '0012_waits'),
    ]

    operations = [
        migrations.CreateModel(
            name='RateLimit',
            fields=[
                ('name', models.CharField(max_length=200, primary_key=True, serialize=False)),
                ('max_calls', models.IntegerField()),
                ('per_seconds', models.FloatField(db_default=models.Value(60))),
                ('set_by', models.CharField(db_default=governance.models.defaults.SqlUser(), max_length=160)),
                ('set_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'rate_limits',
                'ordering': ['name'],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('name__regex', '^[^*\\s]+(\\.\\*)?$')), name='rate_limit_name'),
                    models.CheckConstraint(condition=models.Q(('max_calls__range', (1, 100000))), name='rate_limit_calls'),
                    models.CheckConstraint(condition=models.Q(('per_seconds__range', (0.1, 86400))), name='rate_limit_seconds'),
                ],
            },
        ),
        migrations.RunSQL(RATE_LIMITS, migrations.RunSQL.noop),
        migrations.RunSQL(AUDITED, "DROP TRIGGER rate_limit_audited ON rate_limits;"),
    ]
