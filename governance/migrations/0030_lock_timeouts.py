from django.db import migrations

# A task may wait for rows that somebody else has locked (`governance.tasks.waits`). The constraint is taken as it is:
# whatever else it says stays.
_KNOWN = """
DO $widen$
DECLARE
  sound text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint
                 WHERE conname = 'task_wait_sound' AND conrelid = 'governance_tasks'::regclass);
  known text := replace(sound, {before}, {after});
BEGIN
  IF known = sound THEN
    RAISE EXCEPTION 'task_wait_sound does not list the kinds of waits as expected: %', sound;
  END IF;
  ALTER TABLE governance_tasks DROP CONSTRAINT task_wait_sound;
  EXECUTE 'ALTER TABLE governance_tasks ADD CONSTRAINT task_wait_sound ' || known;
END $widen$;
"""
_WITHOUT, _WITH = "$$'children'::text$$", "$$'children'::text, 'lock'::text$$"


class Migration(migrations.Migration):
    dependencies = [("governance", "0029_session_retention")]
    operations = [
        migrations.RunSQL(
            _KNOWN.format(before=_WITHOUT, after=_WITH), _KNOWN.format(before=_WITH, after=_WITHOUT)
        )
    ]
