from django.db import migrations

# Every entry that a trigger writes is written here: who said to act, or which role of the database does.
# `audit_emptied` takes the columns that are not told, as `audit_change` does.
TOLD = """
CREATE OR REPLACE FUNCTION audit_tell(action text, target text, before jsonb, after jsonb) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO audit_log (actor, action, target, reason, before, after)
  VALUES (coalesce(nullif(current_setting('juggernaut.actor', true), ''), 'sql:' || current_user),
          action, left(target, 300), coalesce(current_setting('juggernaut.reason', true), ''), before, after)
$$;

CREATE OR REPLACE FUNCTION audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ignored text[] := string_to_array(coalesce(TG_ARGV[2], ''), ' ');
  was jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - ignored END;
  "is" jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - ignored END;
  named text := (SELECT string_agg(coalesce("is", was) ->> key, ' ' ORDER BY n)
                 FROM unnest(string_to_array(TG_ARGV[1], ' ')) WITH ORDINALITY AS k(key, n));
BEGIN
  IF was IS DISTINCT FROM "is" THEN
    PERFORM audit_tell(
      TG_ARGV[0] || '.' || coalesce(nullif(current_setting('juggernaut.verb', true), ''), lower(TG_OP)),
      TG_ARGV[0] || ' ' || named, was, "is");
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION audit_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($told$
    SELECT audit_tell(
      %1$L || '.truncate',
      %1$L || ' ' || (SELECT string_agg(to_jsonb(r) ->> key, ' ' ORDER BY n)
                      FROM unnest(string_to_array(%2$L, ' ')) WITH ORDINALITY AS k(key, n)),
      to_jsonb(r) - string_to_array(%5$L, ' '), NULL)
    FROM %3$I.%4$I r $told$,
    TG_ARGV[0], TG_ARGV[1], TG_TABLE_SCHEMA, TG_TABLE_NAME, coalesce(TG_ARGV[2], ''));
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0022_gates_truncate")]
    # Backwards they stay: they do what the ones before them did.
    operations = [migrations.RunSQL(TOLD, migrations.RunSQL.noop)]
