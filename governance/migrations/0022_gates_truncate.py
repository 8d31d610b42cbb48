from django.db import migrations

# TRUNCATE fires no trigger of a row. Emptying a table whose changes are audited is told row by row, as a
# DELETE is.
EMPTIED = """
CREATE FUNCTION audit_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($told$
    INSERT INTO audit_log (actor, action, target, reason, before)
    SELECT coalesce(nullif(current_setting('juggernaut.actor', true), ''), 'sql:' || current_user),
           %1$L || '.truncate',
           left(%1$L || ' ' || (SELECT string_agg(to_jsonb(r) ->> key, ' ' ORDER BY n)
                                FROM unnest(string_to_array(%2$L, ' ')) WITH ORDINALITY AS k(key, n)), 300),
           coalesce(current_setting('juggernaut.reason', true), ''), to_jsonb(r)
    FROM %3$I.%4$I r $told$, TG_ARGV[0], TG_ARGV[1], TG_TABLE_SCHEMA, TG_TABLE_NAME);
  RETURN NULL;
END $$;
CREATE TRIGGER permissions_emptied BEFORE TRUNCATE ON worker_tool_permissions
  FOR EACH STATEMENT EXECUTE FUNCTION audit_emptied('permission', 'worker_id tool_name');
CREATE TRIGGER budgets_emptied BEFORE TRUNCATE ON worker_budgets
  FOR EACH STATEMENT EXECUTE FUNCTION audit_emptied('budget', 'worker_id');
CREATE TRIGGER prices_emptied BEFORE TRUNCATE ON model_prices
  FOR EACH STATEMENT EXECUTE FUNCTION audit_emptied('price', 'service model');
"""
UNDO = """
DROP TRIGGER permissions_emptied ON worker_tool_permissions;
DROP TRIGGER budgets_emptied ON worker_budgets;
DROP TRIGGER prices_emptied ON model_prices;
DROP FUNCTION audit_emptied();
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0021_size_lists_of_states")]
    operations = [migrations.RunSQL(EMPTIED, UNDO)]
