"""Budgets that cannot be overspent: money is held before a call is sent, and booked when it has ended.

    hold = budgets.reserve(worker_id=…, amount_usd=worst_case, seconds=…, …)    # BudgetExceeded: no call
    budgets.settle(hold.id, price=…, usage=…)      # it was answered
    budgets.release(hold.id)                       # it was never sent, or refused without cost
    budgets.charge_unknown(hold.id)                # nobody knows what became of it

A hold that nobody ends is charged in full when it expires. What was charged is put right by
`correct`. Every verb is one statement, so a process that dies leaves all of it done or none. Whatever
the database raises means that there is no hold: then there is no call.
"""

from governance.budgets.balances import BudgetBalance, all_balances, balance, list_balances
from governance.budgets.corrections import correct
from governance.budgets.limit_changes import Change, halve_limits, raise_limits, scale_limits
from governance.budgets.limits import set_limits
from governance.budgets.reconciliation import Discrepancy, discrepancies
from governance.budgets.reservations import Hold, reserve, reserve_tokens
from governance.budgets.settlement import charge_unknown, expire_holds, release, settle

__all__ = [
    "BudgetBalance",
    "Change",
    "Discrepancy",
    "Hold",
    "all_balances",
    "balance",
    "charge_unknown",
    "correct",
    "discrepancies",
    "expire_holds",
    "halve_limits",
    "list_balances",
    "raise_limits",
    "release",
    "reserve",
    "reserve_tokens",
    "scale_limits",
    "set_limits",
    "settle",
]
