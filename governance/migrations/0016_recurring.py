from importlib import import_module

import django.db.models.functions.datetime
from django.db import migrations, models

import governance.models.defaults

# A workflow that ends without success takes with it all that has not ended below it, whichever interface it ended
# through: a verb, its deadline, its third crash, a line typed into psql. Each task that it ends gets a whole
# transition: its lease ends, its event says why, its process is told to look. A workflow among them fires the
# trigger again, which finds what was being made under it at this moment.
ENDED = """
CREATE FUNCTION governance_workflow_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  running bigint;
BEGIN
  WITH RECURSIVE below AS (
    SELECT id FROM governance_tasks WHERE parent_id = NEW.id
    UNION
    SELECT t.id FROM governance_tasks t JOIN below b ON t.parent_id = b.id),
  picked AS MATERIALIZED (
    SELECT id, status AS was FROM governance_tasks
    WHERE id = ANY(ARRAY(SELECT id FROM below))
      AND status IN ('pending', 'in_progress', 'parked', 'waiting_approval')
    ORDER BY id FOR UPDATE),
  moved AS (
    UPDATE governance_tasks t
    SET status = 'cancelled', transitions = t.transitions + 1, updated_at = now(), completed_at = now(),
        lease_owner = NULL, lease_expires_at = NULL, waiting_for = '', wait = NULL,
        error_message = format('its workflow %s has %s', NEW.id,
          CASE NEW.status WHEN 'failed' THEN 'failed' ELSE 'been cancelled' END)
    FROM picked WHERE t.id = picked.id
    RETURNING t.id, picked.was, t.transitions, t.attempts, t.error_message),
  logged AS (
    INSERT INTO task_events (task_id, seq, from_status, to_status, actor, reason, attempt)
    SELECT id, transitions, was, 'cancelled', 'workflow:' || NEW.id, error_message, attempts FROM moved)
  SELECT count(*) FILTER (WHERE was = 'in_progress') INTO running FROM moved;
  IF running > 0 THEN
    PERFORM pg_notify('juggernaut_work', 'stop');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER workflow_ended AFTER UPDATE OF status ON governance_tasks FOR EACH ROW
  WHEN (NEW.task_type = 'workflow' AND NEW.status IN ('failed', 'cancelled') AND OLD.status <> NEW.status)
  EXECUTE FUNCTION governance_workflow_ended();
"""

# A row that cannot be read is refused when it is typed, not when it is due.
RECURRING = """
ALTER TABLE recurring_tasks ADD CONSTRAINT recurring_timezone_known
  CHECK ((timestamptz 'epoch' AT TIME ZONE timezone) IS NOT NULL);
ALTER TABLE recurring_tasks ADD CONSTRAINT recurring_task_is_object CHECK (jsonb_typeof(task) = 'object');
CREATE TRIGGER recurring_audited AFTER INSERT OR UPDATE OR DELETE ON recurring_tasks
  FOR EACH ROW EXECUTE FUNCTION audit_change('recurring', 'name', 'next_run_at problem updated_at');

-- When it is due was changed, or it was paused or resumed: the next time is found anew.
CREATE FUNCTION recurring_rescheduled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := now();
  IF NEW.next_run_at IS NOT DISTINCT FROM OLD.next_run_at
     AND (NEW.kind, NEW.cron, NEW.every_seconds, NEW.timezone, NEW.status, NEW.anchor_at)
       IS DISTINCT FROM (OLD.kind, OLD.cron, OLD.every_seconds, OLD.timezone, OLD.status, OLD.anchor_at) THEN
    NEW.next_run_at := NULL;
    NEW.problem := '';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recurring_rescheduled BEFORE UPDATE ON recurring_tasks
  FOR EACH ROW EXECUTE FUNCTION recurring_rescheduled();
"""

UNDO = """
DROP TRIGGER workflow_ended ON governance_tasks;
DROP FUNCTION governance_workflow_ended();
DROP TRIGGER recurring_audited ON recurring_tasks;
DROP TRIGGER recurring_rescheduled ON recurring_tasks;
DROP FUNCTION recurring_rescheduled();
"""

_WAITS = import_module("governance.migrations.0012_waits")
_CHILDREN = _WAITS.SOUND.replace("'quota', 'approval')", "'quota', 'approval', 'children')")

PERMISSIONS = """
INSERT INTO worker_tool_permissions (worker_id, tool_name, granted_by)
SELECT 'WATCHDOG', tool_name, 'installation'
FROM unnest('{watchdog.woken,watchdog.recurring}'::text[]) AS tool_name
"""
FORGET = """
DELETE FROM worker_tool_permissions
WHERE worker_id = 'WATCHDOG' AND tool_name IN ('watchdog.woken', 'watchdog.recurring')
"""


class Migration(migrations.Migration):
    dependencies = [('governance', '0015_tool_seeds')]
    operations = [
        migrations.CreateModel(
            name='RecurringTask',
            fields=[
                ('id', models.UUIDField(db_default=governance.models.defaults.TimeOrderedId(), editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100, unique=True)),
                ('status', models.CharField(choices=[('active', 'Active'), ('paused', 'Paused')], db_default='active', max_length=10)),
                ('kind', models.CharField(choices=[('cron', 'Cron'), ('interval', 'Interval')], max_length=10)),
                ('cron', models.CharField(blank=True, db_default='', max_length=200)),
                ('every_seconds', models.IntegerField(blank=True, null=True)),
                ('timezone', models.CharField(db_default='UTC', max_length=64)),
                ('task', models.JSONField(db_default=models.Value({}, output_field=models.JSONField()))),
                ('overlap', models.CharField(choices=[('forbid', 'Forbid'), ('allow', 'Allow')], db_default='forbid', max_length=10)),
                ('missed', models.CharField(choices=[('skip', 'Skip'), ('once', 'Once'), ('all', 'All')], db_default='once', max_length=10)),
                ('max_catch_up', models.IntegerField(db_default=10)),
                ('anchor_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('next_run_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('problem', models.TextField(db_default='', editable=False)),
                ('created_by', models.CharField(db_default=governance.models.defaults.SqlUser(), max_length=160)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'verbose_name': 'recurring task',
                'db_table': 'recurring_tasks',
                'indexes': [models.Index(models.F('next_run_at'), condition=models.Q(('status', 'active')), name='recurring_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ['active', 'paused'])), name='recurring_status_known'), models.CheckConstraint(condition=models.Q(models.Q(('every_seconds__isnull', True), ('kind', 'cron'), models.Q(('cron', ''), _negated=True)), models.Q(('cron', ''), ('every_seconds__gte', 10), ('kind', 'interval')), _connector='OR'), name='recurring_says_when'), models.CheckConstraint(condition=models.Q(('overlap__in', ['forbid', 'allow'])), name='recurring_overlap_known'), models.CheckConstraint(condition=models.Q(('missed__in', ['skip', 'once', 'all'])), name='recurring_missed_known'), models.CheckConstraint(condition=models.Q(('max_catch_up__gte', 1), ('max_catch_up__lte', 1000)), name='recurring_catch_up_bounded')],
            },
        ),
        migrations.CreateModel(
            name='RecurringRun',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('slot', models.DateTimeField()),
                ('outcome', models.CharField(choices=[('submitted', 'Submitted'), ('overlap', 'Overlap'), ('missed', 'Missed'), ('refused', 'Refused')], max_length=10)),
                ('slots', models.IntegerField(db_default=1)),
                ('task_id', models.UUIDField(blank=True, null=True)),
                ('note', models.TextField(db_default='')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('recurring', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='governance.recurringtask')),
            ],
            options={
                'db_table': 'recurring_runs',
                'constraints': [models.UniqueConstraint(fields=('recurring', 'slot'), name='recurring_slot_once'), models.CheckConstraint(condition=models.Q(('outcome__in', ['submitted', 'overlap', 'missed', 'refused'])), name='recurring_outcome_known'), models.CheckConstraint(condition=models.Q(models.Q(('outcome', 'submitted'), ('task_id__isnull', False)), models.Q(models.Q(('outcome', 'submitted'), _negated=True), ('task_id__isnull', True)), _connector='OR'), name='recurring_submitted_has_task')],
            },
        ),
        migrations.CreateModel(
            name='WorkflowStep',
            fields=[
                ('task', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='step', serialize=False, to='governance.task')),
                ('name', models.CharField(max_length=64)),
                ('position', models.IntegerField()),
                ('on_failure', models.CharField(db_default='fail', max_length=10)),
                ('needs_inputs', models.BooleanField(db_default=False)),
                ('is_fed', models.BooleanField(db_default=False)),
                ('is_skipped', models.BooleanField(db_default=False)),
                ('workflow', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='governance.task')),
            ],
            options={
                'db_table': 'workflow_steps',
                'constraints': [models.UniqueConstraint(fields=('workflow', 'name'), name='workflow_step_once'), models.CheckConstraint(condition=models.Q(('on_failure__in', ['fail', 'skip', 'continue', 'retry'])), name='workflow_step_on_failure_known')],
            },
        ),
        migrations.RunSQL(ENDED + RECURRING, UNDO),
        migrations.RunSQL(_WAITS.UNSOUND + _CHILDREN, _WAITS.UNSOUND + _WAITS.SOUND),
        migrations.RunSQL(_WAITS.QUIETLY.format(PERMISSIONS), _WAITS.QUIETLY.format(FORGET)),
    ]
