"""What was spent: sums of the ledger over any span of time, exact to the last digit, however long the ledger.

    costs.summed(costs.last(hours=24)).total.cost_usd
    # SELECT SUM(cost_usd) FROM api_cost_tracking WHERE created_at > NOW() - INTERVAL '24 hours'
    costs.most_expensive_tasks(costs.last(hours=24))      # the ten most expensive
    costs.estimate_burn_rates()                                  # every budget's window, its burn rate and
    its end

Whole hours are read from `cost_hours`, the parts of hours at a span's edges from the ledger itself. The
database keeps the summaries in the transaction that books the line (migration 0014), whoever booked it.
"""

from governance.costs.aggregates import (
    DIMENSIONS,
    Costs,
    HourSum,
    Span,
    Sum,
    aggregate,
    answered,
    hour_of,
    last,
    of_task,
    of_task_since_stop,
    question,
)
from governance.costs.burn_rates import BurnRate, estimate_burn_rates
from governance.costs.top_spenders import TaskSum, most_expensive_tasks

__all__ = [
    "DIMENSIONS",
    "BurnRate",
    "Costs",
    "HourSum",
    "Span",
    "Sum",
    "TaskSum",
    "aggregate",
    "answered",
    "estimate_burn_rates",
    "hour_of",
    "last",
    "most_expensive_tasks",
    "of_task",
    "of_task_since_stop",
    "question",
]
