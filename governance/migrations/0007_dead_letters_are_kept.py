# ruff: noqa: S608 (the statements are put together from constants of this module)

from importlib import import_module

from django.db import migrations

_0003 = import_module("governance.migrations.0003_sql_is_obeyed")

# Version 1 of the rules that take out of an error what differs from one occurrence to the next. A new
# version is a new migration that replaces this function and failure_rules_version(); the command
# `rehash_dead_letters` then moves the letters to their new groups.
NORMALISE = r"""
CREATE FUNCTION failure_rules_version() RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 1';

CREATE FUNCTION failure_reason(error text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  t text := left(error, 2000);
  is_cut boolean := octet_length(error) > octet_length(left(error, 2000));
BEGIN
  t := regexp_replace(t, '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', '<id>', 'gi');
  IF is_cut THEN
    t := regexp_replace(t, '\S{0,100}$', '');
  END IF;
  t := regexp_replace(t, '\m[a-z][a-z0-9+.-]*://[^\s"''<>]+', '<url>', 'gi');
  t := regexp_replace(t, '\m[\w.+-]+@[\w-]+(\.[\w-]+)+', '<address>', 'g');
  -- httpx quotes the status: '503 Service Unavailable'.
  t := regexp_replace(t, '(?<!\w)''([1-5]\d\d [A-Z][A-Za-z ]*)''(?!\w)', 'HTTP \1', 'g');
  t := regexp_replace(t, '"[^"]*"|`[^`]*`', '<text>', 'g');
  t := regexp_replace(t, '(?<!\w)''[^'']*''(?!\w)', '<text>', 'g');
  IF is_cut THEN
    t := regexp_replace(t, '("|`|(?<!\w)'').*$', '<text>');
  END IF;
  t := regexp_replace(t, '\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?( ?(Z|[+-]\d\d:?\d\d)\M)?)?', '<time>', 'g');
  t := regexp_replace(t, '\m\d\d:\d\d(:\d\d([.,]\d+)?)?\M', '<time>', 'g');
  t := regexp_replace(t, '\m\d{1,3}(\.\d{1,3}){3}(:\d+)?\M', '<address>', 'g');
  t := regexp_replace(t, '\[[0-9a-f:]*:[0-9a-f:]*\](:\d+)?', '<address>', 'gi');
  t := regexp_replace(t, '\m[0-9a-f]{1,4}(:[0-9a-f]{0,4}){2,7}\M', '<address>', 'gi');
  t := regexp_replace(t, '\m0x[0-9a-f]+\M', '<id>', 'gi');
  t := regexp_replace(t, '\m(?=\w*\d)(?=\w*[a-z])\w{10,}\M', '<id>', 'gi');
  -- Status codes and the digits of a name (gpt-4o, v1.2) tell failures apart, other numbers do not.
  t := regexp_replace(
    t, '(?<![\w.,-])(?<!\m(HTTP(/(\d[\d.]*|<n>))?|status([ _]?code)?|code|errno)[ =:]{1,3})-?\d+([.,]\d+)*', '<n>', 'gi');
  t := regexp_replace(t, '\s+', ' ', 'g');
  -- A list is a list, however long.
  t := regexp_replace(t, '<id>([,;]? <id>)+', '<id> …', 'g');
  t := regexp_replace(t, '<n>([,;]? <n>)+', '<n> …', 'g');
  t := regexp_replace(t, '<text>([,;]? <text>)+', '<text> …', 'g');
  RETURN left(btrim(t), 500);
END $$;

CREATE FUNCTION failure_signature(rules int, task_type text, tool text, service text, error_class text, reason text)
RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT md5(concat_ws(chr(31), rules::text, task_type, tool, service, error_class, reason))::uuid
$$;
"""

# A letter gets its group from what failed; so does one that is typed in, corrected or hashed anew.
GROUPED = """
CREATE FUNCTION dead_letter_grouped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.rules_version := failure_rules_version();
  NEW.failure_reason := failure_reason(NEW.error_message);
  NEW.signature_id := failure_signature(NEW.rules_version, NEW.task_type, NEW.tool_name, NEW.service,
                                        NEW.error_class, NEW.failure_reason);
  RETURN NEW;
END $$;
CREATE TRIGGER dead_letter_grouped
  BEFORE INSERT OR UPDATE OF error_message, error_class, task_type, tool_name, service, rules_version
  ON dead_letter_queue FOR EACH ROW EXECUTE FUNCTION dead_letter_grouped();
"""

# The counts of a group are the sums over its letters. Each statement that changes letters adds its
# differences. Whoever writes letters holds one lock until the commit: a transaction may write letters of
# several groups in several statements, and with a lock for each group two of them could wait in a circle.
_COUNTED = """
CREATE FUNCTION dead_letters_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('failure_signatures'));
  {missing}
  UPDATE failure_signatures s
  SET pending = s.pending + d.pending, retrying = s.retrying + d.retrying, resolved = s.resolved + d.resolved,
      cost_usd = s.cost_usd + d.cost_usd, failures = s.failures + d.failures,
      redrive_succeeded = s.redrive_succeeded + d.succeeded, redrive_failed = s.redrive_failed + d.failed_again,
      last_seen = greatest(s.last_seen, d.seen),
      workers = ARRAY(SELECT DISTINCT w FROM unnest(s.workers || d.workers) w WHERE w <> '' ORDER BY w LIMIT 50)
  FROM (SELECT signature_id, sum(pending) AS pending, sum(retrying) AS retrying, sum(resolved) AS resolved,
               sum(cost_usd) AS cost_usd, sum(failures) AS failures, sum(succeeded) AS succeeded,
               sum(failed_again) AS failed_again, max(seen) AS seen,
               coalesce(array_agg(DISTINCT worker) FILTER (WHERE worker IS NOT NULL), '{{}}') AS workers
        FROM ({deltas}) deltas GROUP BY signature_id) d
  WHERE s.id = d.signature_id;
  INSERT INTO failure_signature_hours AS h (signature_id, hour, failures)
  SELECT signature_id, date_trunc('hour', seen), sum(failures) FROM ({deltas}) deltas
  WHERE failures > 0 GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (signature_id, hour) DO UPDATE SET failures = h.failures + excluded.failures;
  {unfailed}
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letters_{name} AFTER {event} ON dead_letter_queue
  REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION dead_letters_{name}();
"""
_MISSING = """
  INSERT INTO failure_signatures (id, rules_version, task_type, tool_name, service, error_class, failure_reason,
                                  first_seen, last_seen)
  SELECT DISTINCT ON (signature_id) signature_id, rules_version, task_type, tool_name, service, error_class,
         failure_reason, failed_at, failed_at
  FROM new_rows ORDER BY signature_id, failed_at ON CONFLICT DO NOTHING;"""
# A letter that changed its group takes its latest failure along.
_UNFAILED = """
  UPDATE failure_signature_hours h SET failures = greatest(h.failures + d.failures, 0)
  FROM (SELECT signature_id, date_trunc('hour', seen) AS hour, sum(failures) AS failures
        FROM ({deltas}) deltas WHERE failures < 0 GROUP BY 1, 2) d
  WHERE h.signature_id = d.signature_id AND h.hour = d.hour;"""
_BY_STATUS = "{sign}({row}.status = 'pending')::int AS pending, {sign}({row}.status = 'retrying')::int AS retrying," \
    " {sign}({row}.status = 'resolved')::int AS resolved, {sign}{row}.cost_usd AS cost_usd"  # fmt: skip
_FAILED_AGAIN = "(o.status = 'retrying' AND n.status = 'pending')"
_MOVED = "(o.signature_id <> n.signature_id AND NOT " + _FAILED_AGAIN + ")"
_ADDED = f"""
  SELECT n.signature_id, {_BY_STATUS.format(sign="", row="n")}, 1 AS failures, 0 AS succeeded,
         0 AS failed_again, n.failed_at AS seen, n.worker_id AS worker FROM new_rows n"""
_REMOVED = f"""
  SELECT o.signature_id, {_BY_STATUS.format(sign="-", row="o")}, 0 AS failures, 0 AS succeeded,
         0 AS failed_again, NULL::timestamptz AS seen, NULL::text AS worker FROM old_rows o"""
_CHANGED = f"""
  SELECT n.signature_id, {_BY_STATUS.format(sign="", row="n")},
         ({_FAILED_AGAIN} OR {_MOVED})::int AS failures,
         (o.status = 'retrying' AND n.outcome = 'completed')::int AS succeeded, 0 AS failed_again,
         CASE WHEN {_FAILED_AGAIN} OR {_MOVED} THEN n.failed_at END AS seen, n.worker_id AS worker
  FROM new_rows n JOIN old_rows o ON o.id = n.id
  UNION ALL
  SELECT o.signature_id, {_BY_STATUS.format(sign="-", row="o")}, -{_MOVED}::int, 0, {_FAILED_AGAIN}::int,
         CASE WHEN {_MOVED} THEN o.failed_at END, NULL
  FROM new_rows n JOIN old_rows o ON o.id = n.id"""
# TRUNCATE fires no other trigger.
_EMPTIED = """
CREATE FUNCTION dead_letters_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE failure_signatures SET pending = 0, retrying = 0, resolved = 0, cost_usd = 0;
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letters_emptied AFTER TRUNCATE ON dead_letter_queue
  FOR EACH STATEMENT EXECUTE FUNCTION dead_letters_emptied();
"""
COUNTED = (
    _COUNTED.format(
        name="added", event="INSERT", tables="NEW TABLE AS new_rows",
        missing=_MISSING, deltas=_ADDED, unfailed="",
    )
    + _COUNTED.format(
        name="removed", event="DELETE", tables="OLD TABLE AS old_rows",
        missing="", deltas=_REMOVED, unfailed="",
    )
    + _COUNTED.format(
        name="changed", event="UPDATE", tables="OLD TABLE AS old_rows NEW TABLE AS new_rows",
        missing=_MISSING, deltas=_CHANGED, unfailed=_UNFAILED.format(deltas=_CHANGED),
    )
    + _EMPTIED
)  # fmt: skip

# The letter follows its task, through whichever interface the task was moved.
FOLLOWS = """
CREATE FUNCTION task_lets_go_of_letter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.dead_letter_id := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER task_lets_go_of_letter BEFORE UPDATE OF status ON governance_tasks FOR EACH ROW
  WHEN (OLD.dead_letter_id IS NOT NULL AND OLD.status IS DISTINCT FROM NEW.status
        AND (NEW.status IN ('completed', 'cancelled') OR NEW.status = 'failed' AND NEW.failure IS NULL))
  EXECUTE FUNCTION task_lets_go_of_letter();

CREATE FUNCTION dead_letter_follows_task() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  who text := coalesce((SELECT actor FROM task_events WHERE task_id = NEW.id AND seq = NEW.transitions), '');
BEGIN
  IF NEW.status = 'completed' THEN
    UPDATE dead_letter_queue
    SET status = 'resolved', outcome = 'completed', resolved_at = now(), resolved_by = who,
        resolution = CASE status WHEN 'retrying' THEN 'completed when retried' ELSE 'its task was completed' END,
        history = history || jsonb_build_object('at', now(), 'what', 'completed', 'by', who)
    WHERE id = OLD.dead_letter_id AND status <> 'resolved';
  ELSIF NEW.status IN ('failed', 'cancelled') THEN
    UPDATE dead_letter_queue
    SET status = 'resolved', outcome = 'ended', resolution = 'its task was ended: ' || NEW.error_message,
        resolved_at = now(), resolved_by = who,
        history = history || jsonb_build_object('at', now(), 'what', 'ended', 'by', who)
    WHERE id = OLD.dead_letter_id AND status <> 'resolved';
  ELSE
    UPDATE dead_letter_queue
    SET status = 'retrying', retries = retries + 1, retried_at = now(), retried_by = who,
        history = history || jsonb_build_object('at', now(), 'what', 'retried', 'by', who)
    WHERE id = OLD.dead_letter_id AND status = 'pending';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letter_follows_task AFTER UPDATE OF status ON governance_tasks FOR EACH ROW
  WHEN (OLD.dead_letter_id IS NOT NULL AND OLD.status IS DISTINCT FROM NEW.status
        AND (OLD.status IN ('failed', 'cancelled') OR NEW.status IN ('completed', 'cancelled')
             OR NEW.status = 'failed' AND NEW.failure IS NULL))
  EXECUTE FUNCTION dead_letter_follows_task();
"""

# A letter that is resolved lets its task go; one resolved in SQL gets what the service would have set.
RESOLVED = """
CREATE FUNCTION dead_letter_resolved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.resolved_at := coalesce(NEW.resolved_at, now());
  IF NEW.outcome = '' THEN
    NEW.outcome := 'resolved';
  END IF;
  IF NEW.resolved_by = '' THEN
    NEW.resolved_by := 'sql:' || current_user;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER dead_letter_resolved BEFORE UPDATE OF status ON dead_letter_queue FOR EACH ROW
  WHEN (OLD.status <> 'resolved' AND NEW.status = 'resolved') EXECUTE FUNCTION dead_letter_resolved();

CREATE FUNCTION dead_letter_lets_go_of_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE governance_tasks SET dead_letter_id = NULL WHERE id = NEW.task_id AND dead_letter_id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letter_lets_go_of_task AFTER UPDATE OF status ON dead_letter_queue FOR EACH ROW
  WHEN (OLD.status <> 'resolved' AND NEW.status = 'resolved') EXECUTE FUNCTION dead_letter_lets_go_of_task();
"""

# Both directions of the link, checked at commit: a task names only an open letter of its own, and an
# open letter is named by its task, which has failed if the letter is pending and lives if it is retrying.
LINKED = """
ALTER TABLE governance_tasks ADD CONSTRAINT task_names_its_open_letter
  FOREIGN KEY (dead_letter_id, id) REFERENCES dead_letter_queue (id, open_task_id)
  DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION dead_letter_is_named() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM dead_letter_queue l LEFT JOIN governance_tasks t ON t.id = l.task_id AND t.dead_letter_id = l.id
    WHERE l.id = NEW.id AND l.status <> 'resolved'
      AND (t.id IS NULL OR (l.status = 'pending') <> (t.status = 'failed'))) THEN
    RAISE EXCEPTION 'dead letter % and its task % disagree', NEW.id, NEW.task_id
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'dead_letter_is_named',
            HINT = 'a letter is pending while its task has failed, and retrying while its task lives';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER dead_letter_is_named AFTER INSERT OR UPDATE OF status, task_id ON dead_letter_queue
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dead_letter_is_named();

CREATE FUNCTION letter_is_not_abandoned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM dead_letter_queue l LEFT JOIN governance_tasks t ON t.id = l.task_id AND t.dead_letter_id = l.id
    WHERE l.id = OLD.dead_letter_id AND l.status <> 'resolved' AND t.id IS NULL) THEN
    RAISE EXCEPTION 'task % does not name its open dead letter %', OLD.id, OLD.dead_letter_id
      USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'letter_is_not_abandoned',
            HINT = 'resolve the letter: its task lets go of it then';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER letter_is_not_abandoned AFTER UPDATE OF dead_letter_id ON governance_tasks
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (OLD.dead_letter_id IS NOT NULL AND OLD.dead_letter_id IS DISTINCT FROM NEW.dead_letter_id)
  EXECUTE FUNCTION letter_is_not_abandoned();
"""

# As in 0003, and: whoever moves a task by hand has no failure to report.
EDITED = "CREATE OR REPLACE " + _0003.EDITED.split("CREATE TRIGGER")[0].strip().removeprefix("CREATE ").replace(
    "NEW.lease_owner := NULL;", "NEW.lease_owner := NULL;\n  NEW.failure := NULL;"
)

CAUSES = """
ALTER TABLE governance_tasks ADD CONSTRAINT task_failure_known CHECK (
  failure IS NULL OR status = 'failed' AND failure ->> 'cause' IN
    ('attempts', 'permanent', 'crashes', 'deadline', 'denied', 'operator'));
ALTER TABLE failure_signatures SET (fillfactor = 50);
ALTER TABLE dead_letter_queue SET (fillfactor = 80);
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0006_dead_letters")]
    operations = [
        migrations.RunSQL(NORMALISE + GROUPED + COUNTED),
        migrations.RunSQL(FOLLOWS + RESOLVED + LINKED + EDITED + CAUSES),
    ]
