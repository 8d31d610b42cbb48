"""Budgets that cannot be overspent: money is held before a call is sent, and booked when it has ended.

    hold = budgets.reserve(worker_id=…, amount_usd=worst_case, seconds=…, …)    # BudgetExceeded: no call
    budgets.settle(hold.id, price=…, usage=…)      # it was answered
    budgets.release(hold.id)                       # it was never sent, or refused without cost
    budgets.charge_unknown(hold.id)                # nobody knows what became of it

A hold that nobody ends is charged in full when it expires. What was charged is put right by
`correct`. Every verb is one statement, so a process that dies leaves all of it done or none. Whatever
the database raises means that there is no hold: then there is no call.
"""

from governance.budgets.balances import Standing, all_standing, standing, standings
from governance.budgets.correction import correct
from governance.budgets.ending import charge_unknown, expire_holds, release, settle
from governance.budgets.invariants import Discrepancy, discrepancies
from governance.budgets.limits import set_limits
from governance.budgets.reservation import Hold, reserve, reserve_tokens
from governance.budgets.scaling import Change, halve_limits, raise_limits, scale_limits

__all__ = [
    "Change",
    "Discrepancy",
    "Hold",
    "Standing",
    "all_standing",
    "charge_unknown",
    "correct",
    "discrepancies",
    "expire_holds",
    "halve_limits",
    "raise_limits",
    "release",
    "reserve",
    "reserve_tokens",
    "scale_limits",
    "set_limits",
    "settle",
    "standing",
    "standings",
]
