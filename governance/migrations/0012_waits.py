from importlib import import_module

import django.db.models.fields.json
from django.db import migrations, models

# What reliability reads in `wait` (`governance.tasks.waits`) is checked when it is written, so that no row typed
# into psql can stop a sweep. Casts that fail refuse the row, too.
SOUND = r"""
ALTER TABLE governance_tasks ADD CONSTRAINT task_wait_sound CHECK (wait IS NULL OR coalesce(
  wait ->> 'kind' IN ('breaker', 'budget', 'pause', 'rate_limit', 'quota', 'approval')
  AND wait ->> 'name' <> '' AND wait ->> 'sentence' <> ''
  AND (wait ->> 'kind' = 'approval') = (status = 'waiting_approval')
  AND (wait ->> 'kind' <> 'approval' OR (wait ->> 'name')::uuid IS NOT NULL)
  AND ((wait ->> 'until') IS NULL OR (wait ->> 'until')::timestamptz IS NOT NULL AND wait ->> 'until'
       ~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d(:?\d\d)?)$')
  AND ((wait ->> 'amount_usd') IS NULL OR (wait ->> 'amount_usd')::numeric BETWEEN 0 AND 1e9), false));
"""
UNSOUND = "ALTER TABLE governance_tasks DROP CONSTRAINT task_wait_sound;"

# As in 0007, and: what a task waited for ends with its waiting.
_0007 = import_module("governance.migrations.0007_dead_letters_are_kept")
_WORDS = """
  IF NEW.status = 'parked' AND NEW.waiting_for = '' THEN
    NEW.waiting_for := 'an operator (parked in SQL)';
  ELSIF NEW.status <> 'parked' THEN
    NEW.waiting_for := '';
  END IF;
"""
_WAITS = """
  IF NEW.status IN ('parked', 'waiting_approval') THEN
    NEW.wait := CASE WHEN NEW.wait IS DISTINCT FROM OLD.wait THEN NEW.wait END;
    IF NEW.waiting_for = ''
       OR OLD.status IN ('parked', 'waiting_approval') AND NEW.waiting_for = OLD.waiting_for THEN
      NEW.waiting_for := coalesce(left(NEW.wait ->> 'sentence', 500), CASE NEW.status
        WHEN 'parked' THEN 'an operator (parked in SQL)' ELSE 'an operator (set in SQL)' END);
    END IF;
  ELSE
    NEW.waiting_for := '';
    NEW.wait := NULL;
  END IF;
"""
EDITED = _0007.EDITED.replace(_WORDS, _WAITS)

FLEET = "INSERT INTO fleet (name) VALUES ('FLEET');"

# Who paused the fleet, why and when: said by the service (`governance.audit.log.acting`), or typed as SQL.
TURNED = """
CREATE FUNCTION fleet_turned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'the row of the fleet stays: set its status';
  ELSIF NEW.status = 'paused' THEN
    NEW.paused_at := now();
    NEW.paused_by := coalesce(nullif(current_setting('juggernaut.actor', true), ''), 'sql:' || current_user);
    NEW.reason := coalesce(nullif(NEW.reason, ''), current_setting('juggernaut.reason', true), '');
  ELSE
    NEW.paused_at := NULL;
    NEW.paused_by := '';
    NEW.reason := '';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fleet_turned BEFORE UPDATE OF status ON fleet FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION fleet_turned();
CREATE TRIGGER fleet_stays BEFORE DELETE ON fleet FOR EACH ROW EXECUTE FUNCTION fleet_turned();
CREATE TRIGGER fleet_audited AFTER UPDATE ON fleet
  FOR EACH ROW EXECUTE FUNCTION audit_change('fleet', 'name');
"""
# Heartbeats touch none of these columns, so they do not even ask the trigger.
WORKERS_AUDITED = """
CREATE TRIGGER worker_audited AFTER UPDATE OF status, max_concurrency, capabilities ON worker_registry
  FOR EACH ROW EXECUTE FUNCTION audit_change('worker', 'worker_id', 'last_heartbeat version');
"""
UNDO = """
DROP TRIGGER worker_audited ON worker_registry;
DROP TRIGGER fleet_audited ON fleet;
DROP TRIGGER fleet_stays ON fleet;
DROP TRIGGER fleet_turned ON fleet;
DROP FUNCTION fleet_turned();
"""

PERMISSIONS = """
INSERT INTO worker_tool_permissions (worker_id, tool_name, granted_by)
SELECT 'WATCHDOG', tool_name, 'installation' FROM unnest('{watchdog.unpaused,watchdog.waited_out,'
  'watchdog.decided,watchdog.afforded,watchdog.recovered}'::text[]) AS tool_name
"""
# Written silently: an installation has changed nothing.
QUIETLY = """
ALTER TABLE worker_tool_permissions DISABLE TRIGGER permission_audited;
{};
ALTER TABLE worker_tool_permissions ENABLE TRIGGER permission_audited;
"""
FORGET = """
DELETE FROM worker_tool_permissions WHERE worker_id = 'WATCHDOG' AND tool_name IN ('watchdog.unpaused',
  'watchdog.waited_out', 'watchdog.decided', 'watchdog.afforded', 'watchdog.recovered')
"""


class Migration(migrations.Migration):

    dependencies = [
        ('governance', '0011_budgets'),
    ]

    operations = [
        migrations.CreateModel(
            name='Fleet',
            fields=[
                ('name', models.CharField(db_default='FLEET', max_length=10, primary_key=True, serialize=False)),
                ('status', models.CharField(choices=[('active', 'Active'), ('paused', 'Paused')], db_default='active', max_length=20)),
                ('paused_by', models.CharField(db_default='', max_length=160)),
                ('reason', models.TextField(db_default='')),
                ('paused_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'fleet',
                'verbose_name_plural': 'fleet',
                'permissions': [('pause_fleet', 'Can pause and resume the fleet')],
            },
        ),
        migrations.AddField(
            model_name='task',
            name='wait',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(django.db.models.fields.json.KeyTextTransform('kind', 'wait'), django.db.models.fields.json.KeyTextTransform('name', 'wait'), models.F('id'), condition=models.Q(('wait__isnull', False)), name='task_wait'),
        ),
        migrations.AddIndex(
            model_name='task',
            index=models.Index(models.F('waiting_for'), models.F('id'), condition=models.Q(('waiting_for', ''), _negated=True), name='task_waiting_for'),
        ),
        migrations.AddConstraint(
            model_name='task',
            constraint=models.CheckConstraint(condition=models.Q(('wait__isnull', True), ('status__in', ['parked', 'waiting_approval']), _connector='OR'), name='task_wait_while_waiting'),
        ),
        migrations.AddConstraint(
            model_name='fleet',
            constraint=models.CheckConstraint(condition=models.Q(('name', 'FLEET')), name='fleet_is_one'),
        ),
        migrations.AddConstraint(
            model_name='fleet',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['active', 'paused'])), name='fleet_status_known'),
        ),
        migrations.AddConstraint(
            model_name='fleet',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('paused_at__isnull', False), ('status', 'paused')), models.Q(('paused_at__isnull', True), ('status', 'active')), _connector='OR'), name='fleet_paused_says_when'),
        ),
        migrations.RunSQL(SOUND, UNSOUND),
        migrations.RunSQL(EDITED, _0007.EDITED),
        migrations.RunSQL(FLEET, migrations.RunSQL.noop),
        migrations.RunSQL(TURNED + WORKERS_AUDITED, UNDO),
        migrations.RunSQL(QUIETLY.format(PERMISSIONS), QUIETLY.format(FORGET)),
    ]
