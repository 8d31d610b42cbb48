"""What clients and people may do: three roles, kept as Django groups so that the console shows them."""

from django.contrib.auth.models import AbstractUser, Group, Permission

_READ = (
    "view_recurringtask", "view_recurringrun", "view_workflowstep",
    "view_task", "view_taskevent", "view_taskdependency", "view_lateresult",
    "view_worker", "view_workerprocess", "view_deadletter", "view_failuresignature", "view_failurehour",
    "view_toolpermission", "view_permissionuse", "view_approval", "view_toolexecution", "view_auditentry",
    "view_workerbudget", "view_budgetwindow", "view_budgethold", "view_costline", "view_modelprice",
    "view_fleet",
)  # fmt: skip
_OPERATE = (
    "add_task", "cancel_task", "terminate_task", "retry_task",
    "move_deadletter", "retry_deadletter", "resolve_deadletter", "triage_failuresignature",
    "decide_approval", "pause_fleet",
    "add_recurringtask", "change_recurringtask", "delete_recurringtask",
)  # fmt: skip
_RULE = (
    "change_worker", "grant_toolpermission",
    "change_workerbudget", "correct_costline", "add_modelprice", "change_modelprice",
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
    granted = Permission.objects.filter(content_type__app_label="governance", codename__in=ROLES[role])
    found.permissions.set(granted)
    return found
