from django.db import migrations

from governance.db.operations.search_path import pin

# The result of an agent says what it cost. A call may be charged or corrected after its task has completed:
# then the result follows the sum that the ledger keeps of the task. Whoever books has the windows of budgets
# locked, and must not wait for a task's row: one that somebody else holds is left as it is.
RESULTS = """
CREATE FUNCTION task_result_cost() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE governance_tasks
  SET result = jsonb_set(result, '{cost_usd}', to_jsonb(trim_scale(NEW.cost_usd)::text))
  WHERE id = (SELECT id FROM governance_tasks
              WHERE id = NEW.task_id AND status = 'completed' AND task_type = 'agent'
                AND jsonb_typeof(result -> 'cost_usd') = 'string'
              FOR NO KEY UPDATE SKIP LOCKED);
  RETURN NULL;
END $$;
CREATE TRIGGER task_result_cost AFTER UPDATE OF cost_usd ON task_costs FOR EACH ROW
  WHEN (OLD.cost_usd IS DISTINCT FROM NEW.cost_usd) EXECUTE FUNCTION task_result_cost();
"""
UNDO = """
DROP TRIGGER task_result_cost ON task_costs;
DROP FUNCTION task_result_cost();
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0030_lock_timeouts")]
    operations = [migrations.RunSQL(RESULTS, UNDO), pin(["task_result_cost"])]
