"""How the console as a whole looks: its name, its navigation, and the page it opens with."""

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils import timezone

DAY = timedelta(hours=24)


def _link(title: str, icon: str, address: str, permission: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{address}"),
        "permission": lambda request: request.user.has_perm(permission),
    }


UNFOLD = {
    "SITE_TITLE": "Juggernaut",
    "SITE_HEADER": "Juggernaut",
    "SITE_SUBHEADER": "Fleet of AI workers",
    "SITE_SYMBOL": "hub",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("governance/favicon.svg"),
        }
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "juggernaut.console.profile",
    "DASHBOARD_CALLBACK": "juggernaut.console.overview",
    "STYLES": [lambda request: static("governance/console.css")],
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Work",
                "items": [
                    {"title": "Overview", "icon": "monitor_heart", "link": reverse_lazy("admin:index")},
                    _link("Tasks", "task_alt", "governance_task_changelist", "governance.view_task"),
                ],
            },
            {
                "title": "Failures",
                "items": [
                    _link(
                        "By cause",
                        "stacks",
                        "governance_failuresignature_changelist",
                        "governance.view_failuresignature",
                    ),
                    _link(
                        "Dead letters",
                        "move_to_inbox",
                        "governance_deadletter_changelist",
                        "governance.view_deadletter",
                    ),
                    _link(
                        "Redrives", "replay", "reliability_redrive_changelist", "governance.view_deadletter"
                    ),
                ],
            },
            {
                "title": "Fleet",
                "items": [
                    _link("Workers", "groups", "governance_worker_changelist", "governance.view_worker"),
                    _link(
                        "Processes",
                        "memory",
                        "governance_workerprocess_changelist",
                        "governance.view_workerprocess",
                    ),
                    _link(
                        "Watchdog sweeps",
                        "visibility",
                        "reliability_watchdogsweep_changelist",
                        "reliability.view_watchdogsweep",
                    ),
                ],
            },
            {
                "title": "Access",
                "items": [
                    _link("Users", "person", "auth_user_changelist", "auth.view_user"),
                    _link("Groups", "badge", "auth_group_changelist", "auth.view_group"),
                    _link("Tokens", "key", "knox_authtoken_changelist", "knox.view_authtoken"),
                ],
            },
        ],
    },
}


def profile(request: HttpRequest) -> list[str]:
    """The label at the top of every page: which installation this is."""
    from django.conf import settings

    if settings.IS_SIMULATION:
        return ["Simulation", "warning"]
    return ["Local", "info"] if settings.IS_LOCAL else ["Production", "danger"]


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the console opens with: the state of everything, as `/health` tells it."""
    from governance.admin import search
    from governance.models import DeadLetter, FailureSignature, Task
    from monitoring import health

    found = health.report()
    failed = Task.objects.filter(status=Task.Status.FAILED, pk__gte=search.id_at(timezone.now() - DAY))
    open_letters = DeadLetter.objects.filter(status__in=["pending", "retrying"])
    open_groups = FailureSignature.objects.filter(Q(pending__gt=0) | Q(retrying__gt=0))
    duties = ("database", "redis", "workers", "watchdog", "queue", "breakers", "budgets")
    return context | {
        "title": "Overview",
        "health": found["status"],
        "queue": found["queue"],
        "failed": failed.values("pk")[: health.COUNTED_UP_TO].count(),
        "open_letters": open_letters.values("pk")[: health.COUNTED_UP_TO].count(),
        "open_groups": open_groups.values("pk")[: health.COUNTED_UP_TO].count(),
        "duties": [(duty, found[duty]) for duty in duties],
    }
