"""Endpoints of budgets, costs and prices."""
