"""The console's pages of the law: work, money, rules and records. Everything they do, services do."""

from governance.admin import (
    approvals,
    audit_log,
    budgets,
    calls,
    fleet,
    ledger,
    permissions,
    processes,
    recurring,
    retention,
    tasks,
    workers,
)

__all__ = [
    "approvals",
    "audit_log",
    "budgets",
    "calls",
    "fleet",
    "ledger",
    "permissions",
    "processes",
    "recurring",
    "retention",
    "tasks",
    "workers",
]
