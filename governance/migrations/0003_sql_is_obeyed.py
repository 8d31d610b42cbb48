from django.db import migrations

# Who inserts a task, through whichever interface, gets its first event in the same transaction. Rows typed into
# psql also ring the notification; the application rings it itself, after the commit, because NOTIFY
# inside a transaction makes all commits queue behind one lock.
CREATED = """
CREATE FUNCTION governance_task_created() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO task_events (task_id, seq, from_status, to_status, actor, reason, attempt)
  SELECT id, transitions, '', status, created_by, waiting_for, attempts FROM fresh;
  PERFORM pg_notify('juggernaut_work', assigned_worker)
  FROM (SELECT DISTINCT assigned_worker FROM fresh WHERE created_by LIKE 'sql:%') by_hand;
  RETURN NULL;
END $$;
CREATE TRIGGER task_created AFTER INSERT ON governance_tasks
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION governance_task_created();
"""

# A change of status that did not raise `transitions` was made in SQL. It is completed to a whole
# transition: the lease ends, the end time is set, the event is written, the worker is told to stop.
EDITED = """
CREATE FUNCTION governance_task_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.transitions := OLD.transitions + 1;
  NEW.updated_at := greatest(NEW.updated_at, now());
  NEW.lease_owner := NULL;
  NEW.lease_expires_at := NULL;
  NEW.completed_at := CASE WHEN NEW.status IN ('completed', 'failed', 'cancelled')
                           THEN coalesce(nullif(NEW.completed_at, OLD.completed_at), now()) END;
  IF NEW.status = 'parked' AND NEW.waiting_for = '' THEN
    NEW.waiting_for := 'an operator (parked in SQL)';
  ELSIF NEW.status <> 'parked' THEN
    NEW.waiting_for := '';
  END IF;
  IF NEW.status = 'pending' AND OLD.completed_at IS NOT NULL THEN
    NEW.error_attempts := 0;
    NEW.crash_attempts := 0;
  END IF;
  INSERT INTO task_events (task_id, seq, from_status, to_status, actor, reason, attempt)
  VALUES (NEW.id, NEW.transitions, OLD.status, NEW.status, 'sql:' || current_user,
          CASE WHEN NEW.error_message IS DISTINCT FROM OLD.error_message THEN NEW.error_message
               ELSE 'edited in SQL' END, NEW.attempts);
  IF OLD.status = 'in_progress' THEN
    PERFORM pg_notify('juggernaut_work', 'stop');
  ELSIF NEW.status = 'pending' THEN
    PERFORM pg_notify('juggernaut_work', NEW.assigned_worker);
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER task_edited_in_sql BEFORE UPDATE OF status ON governance_tasks FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status AND OLD.transitions = NEW.transitions)
  EXECUTE FUNCTION governance_task_edited();
"""

# History is written once. The owner of the table may still drop old partitions or truncate.
APPEND_ONLY = """
CREATE FUNCTION governance_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END $$;
CREATE TRIGGER task_events_append_only BEFORE UPDATE ON task_events
  FOR EACH STATEMENT EXECUTE FUNCTION governance_append_only();
"""

# Tasks are updated twice in their life and deleted late: room on the page keeps renewals HOT, and
# early vacuums keep the claim's index short.
STORAGE = """
ALTER TABLE governance_tasks SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 5000, autovacuum_analyze_scale_factor = 0.05);
ALTER TABLE worker_processes SET (fillfactor = 50);
ALTER TABLE worker_registry SET (fillfactor = 50);
"""

WORKERS = """
INSERT INTO worker_registry (worker_id, description, capabilities) VALUES
  ('EXECUTOR', 'carries tasks out with tools', '{*}'),
  ('ANALYST', 'evaluates and verifies', '{*}'),
  ('STRATEGIST', 'plans', '{*}'),
  ('ORCHESTRATOR', 'runs workflows', '{*}'),
  ('WATCHDOG', 'keeps everything alive', '{}');
"""

UNDO_FUNCTIONS = """
DROP TRIGGER task_created ON governance_tasks;
DROP TRIGGER task_edited_in_sql ON governance_tasks;
DROP TRIGGER task_events_append_only ON task_events;
DROP FUNCTION governance_task_created();
DROP FUNCTION governance_task_edited();
DROP FUNCTION governance_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0002_initial")]
    operations = [
        migrations.RunSQL(CREATED + EDITED + APPEND_ONLY, UNDO_FUNCTIONS),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(WORKERS, "DELETE FROM worker_registry"),
    ]
