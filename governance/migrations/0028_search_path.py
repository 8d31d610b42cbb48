from importlib import import_module
from typing import Any

from django.db import migrations

from governance.db.operations.search_path import pin

PINNED = (
    "governance_task_created",
    "governance_task_edited",
    "governance_append_only",
    "dead_letter_grouped",
    "dead_letters_added",
    "dead_letters_removed",
    "dead_letters_changed",
    "dead_letters_emptied",
    "task_lets_go_of_letter",
    "dead_letter_follows_task",
    "dead_letter_resolved",
    "dead_letter_lets_go_of_task",
    "dead_letter_is_named",
    "letter_is_not_abandoned",
    "signature_counts_are_kept",
    "take_call",
    "audit_change",
    "governance_budget_scopes",
    "governance_budget_carried",
    "governance_budget_lock",
    "governance_budget_reserve",
    "governance_budget_end",
    "governance_budget_line",
    "governance_budget_correct",
    "governance_cost_by_hand",
    "fleet_turned",
    "governance_cost_summed",
    "governance_workflow_ended",
    "recurring_rescheduled",
    "audit_emptied",
    "audit_tell",
)

# `tool_permission` is inlined into the query that calls it, which a pinned function cannot be. So it names its
# schema, which is known when this runs.
DECIDES = (
    import_module("governance.migrations.0010_permissions")
    .DECIDES.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    .replace("FROM worker_tool_permissions p", "FROM {schema}.worker_tool_permissions p")
)


def qualify(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        (schema,) = cursor.fetchone()
        cursor.execute(DECIDES.format(schema=schema))


class Migration(migrations.Migration):
    dependencies = [("governance", "0023_audit_tell")]
    operations = [pin(PINNED), migrations.RunPython(qualify, migrations.RunPython.noop)]
