from django.db import migrations

from governance.db.operations.search_path import pin
from governance.db.operations.value_guards import guard, shape

# The number of a task's next event. Set back, the next transition would write an event that exists already, and
# fail together with all the tasks that move with it.
TRANSITIONS = """
CREATE FUNCTION task_transitions_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'governance_tasks.transitions counts the events of the task and cannot be set back (% to %)',
    OLD.transitions, NEW.transitions USING ERRCODE = 'check_violation', CONSTRAINT = 'transitions_in_range';
END $$;
CREATE TRIGGER task_transitions_grow BEFORE UPDATE OF transitions ON governance_tasks FOR EACH ROW
  WHEN (NEW.transitions < OLD.transitions) EXECUTE FUNCTION task_transitions_grow();
"""
UNDO = """
DROP TRIGGER task_transitions_grow ON governance_tasks;
DROP FUNCTION task_transitions_grow();
"""


class Migration(migrations.Migration):
    dependencies = [("governance", "0031_result_costs")]
    operations = [
        guard(
            "api_cost_tracking",
            "approvals",
            "audit_log",
            "budget_holds",
            "budget_windows",
            "cost_hours",
            "dead_letter_queue",
            "failure_signature_hours",
            "failure_signatures",
            "fleet",
            "governance_tasks",
            "model_prices",
            "rate_limits",
            "recurring_runs",
            "recurring_tasks",
            "retention_rules",
            "retention_walks",
            "task_costs",
            "task_dependencies",
            "task_events",
            "task_late_results",
            "task_steps",
            "tool_executions",
            "worker_budgets",
            "worker_processes",
            "worker_registry",
            "worker_tool_permission_uses",
            "worker_tool_permissions",
            "workflow_steps",
        ),
        shape("dead_letter_queue", snapshot="object", attempts="objects", history="objects"),
        shape("recurring_tasks", task="object"),
        shape("retention_walks", deleted="object"),
        migrations.RunSQL(TRANSITIONS, UNDO),
        pin(["task_transitions_grow"]),
    ]
