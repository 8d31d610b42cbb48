from django.db import migrations

# What somebody is called who is known by a number; the number itself if the row is gone already, as when
# SQL deletes it before what hangs on it.
NAMED = """
CREATE FUNCTION audit_name(kind text, number bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(CASE kind
    WHEN 'user' THEN (SELECT username FROM auth_user WHERE id = number)
    WHEN 'group' THEN (SELECT name FROM auth_group WHERE id = number)
    WHEN 'permission' THEN (
      SELECT t.app_label || '.' || p.codename
      FROM auth_permission p JOIN django_content_type t ON t.id = p.content_type_id WHERE p.id = number)
  END, '#' || number)
$$;
"""

# Who was put into what, or given what: one entry for each user or group, however many rows a statement
# changes, and none for rows that are as they were. Arguments: who is told of, what is given, and the verbs
# for giving and for taking. The transition tables are `come` and `gone`.
GIVEN = """
CREATE FUNCTION audit_given() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  kind text := TG_ARGV[0];
  given text := TG_ARGV[1];
  pairs text := format('SELECT %I AS whom, %I AS what FROM ', kind || '_id', given || '_id');
  come text := CASE WHEN TG_OP IN ('INSERT', 'UPDATE') THEN pairs || 'come' END;
  gone text := CASE TG_OP WHEN 'INSERT' THEN NULL WHEN 'TRUNCATE' THEN pairs || quote_ident(TG_TABLE_NAME)
               ELSE pairs || 'gone' END;
  verb text;
  is_gone boolean;
  changed text;
BEGIN
  FOR verb, is_gone, changed IN VALUES
    (TG_ARGV[3], true, gone || coalesce(' EXCEPT ' || come, '')),
    (TG_ARGV[2], false, come || coalesce(' EXCEPT ' || gone, ''))
  LOOP
    CONTINUE WHEN changed IS NULL;
    EXECUTE format($told$
      SELECT audit_tell($1 || '.' || $2, $1 || ' ' || audit_name($1, whom),
                        CASE WHEN $3 THEN names END, CASE WHEN NOT $3 THEN names END)
      FROM (SELECT whom, jsonb_build_object($4 || 's', jsonb_agg(name ORDER BY name)) AS names
            FROM (SELECT whom, audit_name($4, what) AS name FROM (%s) AS pairs) AS named GROUP BY whom) AS told
      $told$, changed) USING kind, verb, is_gone, given;
  END LOOP;
  RETURN NULL;
END $$;
"""

# That a password was changed, never to what. Django marks one that lets nobody in by '!', or it is empty.
# Whoever upgrades the hash of the same password says so by the verb `rehash` (juggernaut/security/passwords.py).
# The comparison stands here and not in the trigger: its columns could not be altered by Django's migrations.
PASSWORDS = """
CREATE FUNCTION audit_password() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was text := CASE WHEN left(OLD.password, 1) IN ('', '!') THEN 'none' ELSE 'set' END;
  "is" text := CASE WHEN left(NEW.password, 1) IN ('', '!') THEN 'none' ELSE 'set' END;
  is_rehash boolean := coalesce(current_setting('juggernaut.verb', true), '') = 'rehash';
BEGIN
  IF OLD.password <> NEW.password AND 'set' IN (was, "is") THEN
    PERFORM audit_tell(
      CASE WHEN is_rehash THEN 'user.rehash' ELSE 'user.password' END, 'user ' || NEW.username,
      jsonb_build_object('password', was),
      jsonb_build_object('password', CASE WHEN is_rehash THEN 'the same' WHEN was = "is" THEN 'set anew'
                                     ELSE "is" END));
  END IF;
  RETURN NULL;
END $$;
"""

ROWS = """
CREATE TRIGGER user_audited AFTER INSERT OR UPDATE OR DELETE ON auth_user
  FOR EACH ROW EXECUTE FUNCTION audit_change('user', 'username', 'password last_login');
CREATE TRIGGER user_password_audited AFTER UPDATE ON auth_user
  FOR EACH ROW EXECUTE FUNCTION audit_password();
CREATE TRIGGER users_emptied BEFORE TRUNCATE ON auth_user
  FOR EACH STATEMENT EXECUTE FUNCTION audit_emptied('user', 'username', 'password last_login');
CREATE TRIGGER group_audited AFTER INSERT OR UPDATE OR DELETE ON auth_group
  FOR EACH ROW EXECUTE FUNCTION audit_change('group', 'name');
CREATE TRIGGER groups_emptied BEFORE TRUNCATE ON auth_group
  FOR EACH STATEMENT EXECUTE FUNCTION audit_emptied('group', 'name');
"""
ROWS_UNDONE = """
DROP TRIGGER user_audited ON auth_user;
DROP TRIGGER user_password_audited ON auth_user;
DROP TRIGGER users_emptied ON auth_user;
DROP TRIGGER group_audited ON auth_group;
DROP TRIGGER groups_emptied ON auth_group;
"""

# A trigger with transition tables is for one kind of statement.
LINKS = {
    "auth_user_groups": "'user', 'group', 'join', 'leave'",
    "auth_user_user_permissions": "'user', 'permission', 'grant', 'revoke'",
    "auth_group_permissions": "'group', 'permission', 'grant', 'revoke'",
}
STATEMENTS = {
    "given": "AFTER INSERT ON {} REFERENCING NEW TABLE AS come",
    "taken": "AFTER DELETE ON {} REFERENCING OLD TABLE AS gone",
    "moved": "AFTER UPDATE ON {} REFERENCING OLD TABLE AS gone NEW TABLE AS come",
    "emptied": "BEFORE TRUNCATE ON {}",
}
ATTACHED = "".join(
    f"CREATE TRIGGER {table}_{name} {when.format(table)}"
    f" FOR EACH STATEMENT EXECUTE FUNCTION audit_given({told});\n"
    for table, told in LINKS.items()
    for name, when in STATEMENTS.items()
)
DETACHED = "".join(f"DROP TRIGGER {table}_{name} ON {table};\n" for table in LINKS for name in STATEMENTS)


class Migration(migrations.Migration):
    dependencies = [
        ("juggernaut", "0001_api_tokens"),
        ("governance", "0023_audit_tell"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunSQL(NAMED, "DROP FUNCTION audit_name(text, bigint)"),
        migrations.RunSQL(GIVEN, "DROP FUNCTION audit_given()"),
        migrations.RunSQL(PASSWORDS, "DROP FUNCTION audit_password()"),
        migrations.RunSQL(ROWS, ROWS_UNDONE),
        migrations.RunSQL(ATTACHED, DETACHED),
    ]
