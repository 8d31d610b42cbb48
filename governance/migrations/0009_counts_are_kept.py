"""Counts of groups follow the letters and nothing else.

A count that somebody lowered by hand would go below zero with a later letter: that refused the outcome of
the letter's task, again and again, so that the task ran for ever.
"""

from django.db import migrations

# What has been edited before is put right once; writers of letters wait.
RECOUNT = """
SELECT pg_advisory_xact_lock(hashtext('failure_signatures'));
UPDATE failure_signatures s
SET pending = n.pending, retrying = n.retrying, resolved = n.resolved, cost_usd = n.cost_usd
FROM (SELECT g.id, count(*) FILTER (WHERE l.status = 'pending') AS pending,
             count(*) FILTER (WHERE l.status = 'retrying') AS retrying,
             count(*) FILTER (WHERE l.status = 'resolved') AS resolved, coalesce(sum(l.cost_usd), 0) AS cost_usd
      FROM failure_signatures g LEFT JOIN dead_letter_queue l ON l.signature_id = g.id GROUP BY g.id) n
WHERE s.id = n.id AND (s.pending, s.retrying, s.resolved, s.cost_usd)
  IS DISTINCT FROM (n.pending, n.retrying, n.resolved, n.cost_usd);
"""

# What the triggers of dead_letter_queue write, they write one level down.
COUNTS_ARE_KEPT = """
CREATE FUNCTION signature_counts_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the counts of group % are kept by its dead letters', OLD.id
    USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'signature_counts_are_kept',
          HINT = 'change the letters: retry, resolve or delete them, and the counts follow';
END $$;
CREATE TRIGGER signature_counts_are_kept
  BEFORE UPDATE OF pending, retrying, resolved, cost_usd, failures, redrive_succeeded, redrive_failed
  ON failure_signatures FOR EACH ROW
  WHEN (pg_trigger_depth() = 0 AND
    (OLD.pending, OLD.retrying, OLD.resolved, OLD.cost_usd, OLD.failures, OLD.redrive_succeeded,
     OLD.redrive_failed) IS DISTINCT FROM
    (NEW.pending, NEW.retrying, NEW.resolved, NEW.cost_usd, NEW.failures, NEW.redrive_succeeded,
     NEW.redrive_failed))
  EXECUTE FUNCTION signature_counts_are_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0008_longer_names")]
    operations = [migrations.RunSQL(RECOUNT + COUNTS_ARE_KEPT)]
