"""Roles of clients and people: three, kept as Django groups so that the console shows them."""

from functools import reduce
from operator import or_

from django.contrib.auth.models import AbstractUser, Group, Permission
from django.db.models import Q, QuerySet

from governance.access import actors
from governance.audit import log as audit
from governance.version import VERSION

# Names as `Actor.require` knows them. Those of other apps are texts: nothing is imported from there.
_READ = (
    "governance.view_task", "governance.view_taskevent", "governance.view_taskdependency",
    "governance.view_lateresult", "governance.view_worker", "governance.view_workerprocess",
    "governance.view_deadletter", "governance.view_failuresignature", "governance.view_failurehour",
    "governance.view_toolpermission", "governance.view_permissionuse", "governance.view_approval",
    "governance.view_toolexecution", "governance.view_auditentry",
    "governance.view_workerbudget", "governance.view_budgetwindow", "governance.view_budgethold",
    "governance.view_costline", "governance.view_modelprice", "governance.view_fleet",
    "governance.view_ratelimit", "governance.view_recurringtask", "governance.view_recurringrun",
    "governance.view_workflowstep", "governance.view_retentionrule",
    "reliability.view_circuitbreaker", "reliability.view_circuitbreakerevent",
    "reliability.view_redrive", "reliability.view_redriveitem", "reliability.view_watchdogsweep",
    "monitoring.view_alert", "monitoring.view_alertrule", "monitoring.view_alertmessage",
    "monitoring.view_metrics",
)  # fmt: skip
# What cannot wait for the morning. A breaker that is disabled is one again at a time that was said.
_OPERATE = (
    "governance.add_task", "governance.cancel_task", "governance.terminate_task", "governance.retry_task",
    "governance.move_deadletter", "governance.retry_deadletter", "governance.resolve_deadletter",
    "governance.triage_failuresignature", "governance.decide_approval",
    "governance.pause_fleet", "governance.add_recurringtask", "governance.change_recurringtask",
    "governance.delete_recurringtask",
    "reliability.change_circuitbreaker",
    "monitoring.change_alert", "monitoring.change_alertrule",
)  # fmt: skip
# Who may do what, and for how much money.
_RULE = (
    "governance.change_worker", "governance.grant_toolpermission", "governance.change_workerbudget",
    "governance.correct_costline", "governance.add_modelprice", "governance.change_modelprice",
    "governance.change_ratelimit", "governance.change_retentionrule",
    "juggernaut.view_apitoken", "juggernaut.add_apitoken", "juggernaut.delete_apitoken",
)  # fmt: skip
ROLES: dict[str, tuple[str, ...]] = {
    "viewer": _READ,
    "operator": (*_READ, *_OPERATE),
    "admin": (*_READ, *_OPERATE, *_RULE),
}


def assign(user: AbstractUser, role: str) -> None:
    """Give the user this role and no other; permissions given to the user directly stay."""
    user.groups.remove(*Group.objects.filter(name__in=ROLES))
    user.groups.add(group(role))


def group(role: str) -> Group:
    """The role's group, with exactly the permissions that the role has in this version."""
    found, _ = Group.objects.get_or_create(name=role)
    found.permissions.set(_permissions(role))
    return found


def bring_up_to_date(**signal: object) -> None:
    """After a migration: each role has its group, with what the role may do in this version.

    It is told after the last app, so that permissions count which that one has only just made.
    """
    with audit.acting(actors.from_login(), verb="update", reason=f"the roles of version {VERSION}"):
        for role in ROLES:
            group(role)


def _permissions(role: str) -> QuerySet[Permission]:
    by_app: dict[str, list[str]] = {}
    for name in ROLES[role]:
        app, _, codename = name.partition(".")
        by_app.setdefault(app, []).append(codename)
    meant = [Q(content_type__app_label=app, codename__in=names) for app, names in by_app.items()]
    return Permission.objects.filter(reduce(or_, meant))
