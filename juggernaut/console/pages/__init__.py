"""The console's pages, by the area that they show. Importing a module registers its pages."""

from importlib import import_module

# The order counts where a page adds to another: dead letters to tasks, gates to permissions.
MODULES = (
    "tasks.tasks",
    "tasks.recurring",
    "access.permissions",
    "access.permission_gates",
    "access.approvals",
    "access.calls",
    "access.audit_log",
    "access.users",
    "access.tokens",
    "costs.budgets",
    "costs.ledger",
    "fleet.fleet",
    "fleet.workers",
    "fleet.processes",
    "fleet.breakers",
    "fleet.sweeps",
    "fleet.retention",
    "dead_letters.dead_letters",
    "dead_letters.groups",
    "dead_letters.tasks",
    "redrives.redrives",
    "alerts.alerts",
    "alerts.rules",
)


def register() -> None:
    """Register every page with Django's admin."""
    for module in MODULES:
        import_module(f"{__name__}.{module}")
