"""The pages of the console: what each needs to be seen, and the verbs on it. One row a line."""

from juggernaut.access.requirements import ANYONE, CONSOLE, Needs

# Methods, address as `urls.py` writes it, and what it needs.
_PAGES: tuple[tuple[str, ...], ...] = (
    ("GET", "", ANYONE),
    ("GET", "health", ANYONE),
    ("GET", "health/live", ANYONE),
    ("GET", "health/ready", ANYONE),
    ("GET", "admin/", CONSOLE),
    ("GET", "admin/APP/", CONSOLE),
    ("GET POST", "admin/login/", ANYONE),
    ("POST", "admin/logout/", ANYONE),
    ("GET POST", "admin/password_change/", CONSOLE),
    ("GET", "admin/password_change/done/", CONSOLE),
    ("GET", "admin/search/", CONSOLE),
    ("GET", "admin/autocomplete/", "auth.view_user"),
    ("GET", "admin/jsi18n/", CONSOLE),
    ("GET", "admin/r/<path:content_type_id>/<path:object_id>/", CONSOLE),
    ("GET", "admin/(?P<url>.*)$", CONSOLE),
    ("GET", "admin/diagnosis/", "governance.view_worker"),
    ("GET", "admin/costs/", "governance.view_costline"),
    ("GET", "admin/costs/figures/", "governance.view_costline"),
    ("GET", "admin/breakers/", "reliability.view_circuitbreaker"),
    ("GET", "admin/breakers/figures/", "reliability.view_circuitbreaker"),
    ("GET POST", "admin/breakers/<slug:verb>/", "reliability.change_circuitbreaker"),
    ("GET", "admin/governance/costline/prices/", "governance.view_modelprice"),
    ("GET POST", "admin/governance/costline/prices/set/", "governance.change_modelprice"),
    ("GET POST", "admin/governance/costline/prices/remove/", "governance.change_modelprice"),
    ("GET", "admin/governance/toolpermission/matrix/", "governance.view_toolpermission"),
    ("GET POST", "admin/auth/user/<id>/password/", "auth.change_user"),
)  # fmt: skip

# The buttons on the page of a row: how their address ends, of which model, and what they need.
_BUTTONS: tuple[tuple[str, ...], ...] = (
    ("approve", "governance.approval", "governance.decide_approval"),
    ("reject", "governance.approval", "governance.decide_approval"),
    ("limits", "governance.workerbudget", "governance.change_workerbudget"),
    ("raise", "governance.workerbudget", "governance.change_workerbudget"),
    ("halve", "governance.workerbudget", "governance.change_workerbudget"),
    ("pause", "governance.fleet", "governance.pause_fleet"),
    ("resume", "governance.fleet", "governance.pause_fleet"),
    ("correct", "governance.costline", "governance.correct_costline"),
    ("correct", "governance.budgethold", "governance.correct_costline"),
    ("terms", "governance.toolpermission", "governance.grant_toolpermission"),
    ("day", "governance.toolpermission", "governance.grant_toolpermission"),
    ("deny", "governance.toolpermission", "governance.grant_toolpermission"),
    ("revoke", "governance.toolpermission", "governance.grant_toolpermission"),
    ("pause", "governance.recurringtask", "governance.change_recurringtask"),
    ("resume", "governance.recurringtask", "governance.change_recurringtask"),
    ("reset", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("settings", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("force-open", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("disable", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("shadow", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("restore", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("retry", "governance.failuresignature", "governance.retry_deadletter"),
    ("resolve", "governance.failuresignature", "governance.resolve_deadletter"),
    ("triage", "governance.failuresignature", "governance.triage_failuresignature"),
    ("retry", "governance.deadletter", "governance.retry_deadletter"),
    ("resolve", "governance.deadletter", "governance.resolve_deadletter"),
    ("pause", "reliability.redrive", "governance.retry_deadletter"),
    ("resume", "reliability.redrive", "governance.retry_deadletter"),
    ("abort", "reliability.redrive", "governance.retry_deadletter"),
    ("retry", "governance.task", "governance.retry_task"),
    ("cancel", "governance.task", "governance.cancel_task"),
    ("terminate", "governance.task", "governance.terminate_task"),
    ("move", "governance.task", "governance.move_deadletter"),
    ("acknowledge", "monitoring.alert", "monitoring.change_alert"),
    ("mute", "monitoring.alert", "monitoring.change_alert"),
    ("unmute", "monitoring.alert", "monitoring.change_alert"),
    ("set", "monitoring.alertrule", "monitoring.change_alertrule"),
    ("revoke", "juggernaut.apitoken", "juggernaut.delete_apitoken"),
)  # fmt: skip

# What may be done with the rows of a model on its own pages, and what that needs. What is not named
# nobody may. The history of a row needs what the row needs.
_MODELS: tuple[tuple[str, ...], ...] = (
    ("view", "governance.task", "governance.view_task"),
    ("add", "governance.task", "governance.add_task"),
    ("view", "governance.recurringtask", "governance.view_recurringtask"),
    ("add", "governance.recurringtask", "governance.add_recurringtask", "governance.add_task"),
    ("change", "governance.recurringtask", "governance.change_recurringtask", "governance.add_task"),
    ("delete", "governance.recurringtask", "governance.delete_recurringtask"),
    ("view", "governance.failuresignature", "governance.view_failuresignature"),
    ("view", "governance.deadletter", "governance.view_deadletter"),
    ("view", "reliability.redrive", "governance.view_deadletter"),
    ("add", "reliability.redrive", "governance.view_deadletter", "governance.retry_deadletter"),
    ("view", "governance.workerbudget", "governance.view_workerbudget"),
    ("add", "governance.workerbudget", "governance.change_workerbudget"),
    ("view", "governance.costline", "governance.view_costline"),
    ("view", "governance.budgethold", "governance.view_budgethold"),
    ("view", "governance.approval", "governance.view_approval"),
    ("view", "governance.toolpermission", "governance.view_toolpermission"),
    ("add", "governance.toolpermission", "governance.grant_toolpermission"),
    ("view", "reliability.circuitbreaker", "reliability.view_circuitbreaker"),
    ("view", "governance.fleet", "governance.view_fleet"),
    ("view", "governance.worker", "governance.view_worker"),
    ("change", "governance.worker", "governance.change_worker"),
    ("view", "governance.workerprocess", "governance.view_workerprocess"),
    ("view", "reliability.watchdogsweep", "reliability.view_watchdogsweep"),
    ("view", "governance.toolexecution", "governance.view_toolexecution"),
    ("view", "governance.auditentry", "governance.view_auditentry"),
    ("view", "governance.retentionrule", "governance.view_retentionrule"),
    ("view", "monitoring.alert", "monitoring.view_alert"),
    ("view", "monitoring.alertrule", "monitoring.view_alertrule"),
    ("view", "juggernaut.apitoken", "juggernaut.view_apitoken"),
    ("add", "juggernaut.apitoken", "juggernaut.add_apitoken"),
    ("view", "auth.user", "auth.view_user"),
    ("add", "auth.user", "auth.add_user"),
    ("change", "auth.user", "auth.change_user"),
    ("delete", "auth.user", "auth.delete_user"),
    ("view", "auth.group", "auth.view_group"),
    ("add", "auth.group", "auth.add_group"),
    ("change", "auth.group", "auth.change_group"),
    ("delete", "auth.group", "auth.delete_group"),
)  # fmt: skip

# Verbs for the rows that are chosen in a list.
_ACTIONS: tuple[tuple[str, ...], ...] = (
    ("approve_chosen", "governance.approval", "governance.decide_approval"),
    ("reject_chosen", "governance.approval", "governance.decide_approval"),
    ("raise_chosen", "governance.workerbudget", "governance.change_workerbudget"),
    ("halve_chosen", "governance.workerbudget", "governance.change_workerbudget"),
    ("for_a_day_chosen", "governance.toolpermission", "governance.grant_toolpermission"),
    ("deny_chosen", "governance.toolpermission", "governance.grant_toolpermission"),
    ("revoke_chosen", "governance.toolpermission", "governance.grant_toolpermission"),
    ("delete_selected", "governance.recurringtask", "governance.delete_recurringtask"),
    ("pause_chosen", "governance.recurringtask", "governance.change_recurringtask"),
    ("resume_chosen", "governance.recurringtask", "governance.change_recurringtask"),
    ("pause_chosen", "governance.worker", "governance.change_worker"),
    ("resume_chosen", "governance.worker", "governance.change_worker"),
    ("reset_chosen", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("force_open_chosen", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("disable_chosen", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("shadow_chosen", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("restore_chosen", "reliability.circuitbreaker", "reliability.change_circuitbreaker"),
    ("retry_chosen", "governance.deadletter", "governance.retry_deadletter"),
    ("resolve_chosen", "governance.deadletter", "governance.resolve_deadletter"),
    ("terminate_chosen", "governance.task", "governance.terminate_task"),
    ("cancel_chosen", "governance.task", "governance.cancel_task"),
    ("retry_chosen", "governance.task", "governance.retry_task"),
    ("move_chosen", "governance.task", "governance.move_deadletter"),
    ("delete_selected", "auth.user", "auth.delete_user"),
    ("delete_selected", "auth.group", "auth.delete_group"),
    ("acknowledge_chosen", "monitoring.alert", "monitoring.change_alert"),
    ("mute_chosen", "monitoring.alert", "monitoring.change_alert"),
    ("unmute_chosen", "monitoring.alert", "monitoring.change_alert"),
    ("revoke_chosen", "juggernaut.apitoken", "juggernaut.delete_apitoken"),
)  # fmt: skip


def _button(row: tuple[str, ...]) -> tuple[str, ...]:
    return "GET POST", f"admin/{row[1].replace('.', '/')}/<path:object_id>/{row[0]}/", *row[2:]


PAGES: dict[tuple[str, str], Needs] = {
    (method, route): tuple(needs)
    for methods, route, *needs in (*_PAGES, *map(_button, _BUTTONS))
    for method in methods.split()
}
MODELS: dict[tuple[str, str], Needs] = {(row[0], row[1]): row[2:] for row in _MODELS}
ACTIONS: dict[tuple[str, str], Needs] = {(row[0], row[1]): row[2:] for row in _ACTIONS}
