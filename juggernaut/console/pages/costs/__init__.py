"""Pages of budgets, the ledger and prices."""
