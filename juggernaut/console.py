"""How the console as a whole looks: its name, its navigation, and the page it opens with."""

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils import timezone

DAY = timedelta(hours=24)
COUNTED_APPROVALS = 100


def _link(title: str, icon: str, address: str, permission: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(address if ":" in address else f"admin:{address}"),
        "permission": lambda request: request.user.has_perm(permission),
    }


UNFOLD = {
    "SITE_TITLE": "juggernaut.console.title",
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
        "navigation": "juggernaut.console.navigation",
    },
}


def _listed(title: str, icon: str, model: str, *, sees: str = "") -> dict[str, Any]:
    """The link to the list of a model, `governance.task`, for who may view it (or what `sees` names)."""
    app, name = model.split(".")
    return _link(title, icon, f"{app}_{name}_changelist", sees or f"{app}.view_{name}")


def _apart(item: dict[str, Any], inner: str) -> dict[str, Any]:
    """An entry that is not the current one on the pages below `inner`, which have an entry of their own."""

    def is_current(request: HttpRequest) -> bool:
        return str(item["link"]) in request.path and f"{item['link']}{inner}" not in request.path

    return item | {"active": is_current}


# By what operators do, not by where the tables are.
_NAVIGATION: list[tuple[str, list[dict[str, Any]]]] = [
    (
        "Work",
        [
            {"title": "Overview", "icon": "monitor_heart", "link": reverse_lazy("admin:index")},
            {
                "title": "Diagnosis",
                "icon": "stethoscope",
                "link": reverse_lazy("diagnosis"),
                "permission": lambda request: request.user.has_perm("governance.view_worker"),
            },
            _listed("Tasks", "task_alt", "governance.task"),
            _listed("Recurring", "event_repeat", "governance.recurringtask"),
            _listed("Alerts", "notifications", "monitoring.alert"),
            _listed("Alert rules", "rule_settings", "monitoring.alertrule"),
        ],
    ),
    (
        "Failures",
        [
            _listed("By cause", "stacks", "governance.failuresignature"),
            _listed("Dead letters", "move_to_inbox", "governance.deadletter"),
            _listed("Redrives", "replay", "reliability.redrive", sees="governance.view_deadletter"),
        ],
    ),
    (
        "Money",
        [
            _link("Cost", "payments", "dashboards:costs", "governance.view_costline"),
            _listed("Budgets", "account_balance_wallet", "governance.workerbudget"),
            _apart(_listed("Ledger", "receipt_long", "governance.costline"), "prices/"),
            _listed("Holds", "lock_clock", "governance.budgethold"),
            _listed("Model prices", "sell", "governance.modelprice"),
        ],
    ),
    (
        "Rules",
        [
            _listed("Approvals", "how_to_reg", "governance.approval"),
            _apart(_listed("Permissions", "verified_user", "governance.toolpermission"), "matrix/"),
            _link(
                "Permission matrix", "grid_on", "governance_toolpermission_matrix",
                "governance.view_toolpermission",
            ),
        ],
    ),
    (
        "Services",
        [
            _link(
                "Breaker state", "monitor_heart", "dashboards:breakers", "reliability.view_circuitbreaker"
            ),
            _listed("Breakers", "electric_bolt", "reliability.circuitbreaker"),
        ],
    ),
    (
        "Fleet",
        [
            _listed("Pause the fleet", "stop_circle", "governance.fleet"),
            _listed("Workers", "groups", "governance.worker"),
            _listed("Processes", "memory", "governance.workerprocess"),
            _listed("Watchdog sweeps", "visibility", "reliability.watchdogsweep"),
        ],
    ),
    (
        "Records",
        [
            _listed("Calls", "call_made", "governance.toolexecution"),
            _listed("Audit log", "history_edu", "governance.auditentry"),
            _listed("Retention", "auto_delete", "governance.retentionrule"),
        ],
    ),
    (
        "Access",
        [
            _listed("Users", "person", "auth.user"),
            _listed("Groups", "badge", "auth.group"),
            _listed("Tokens", "key", "juggernaut.apitoken"),
        ],
    ),
]  # fmt: skip


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Every page, and how many calls wait for an approval. Unfold hides what may not be seen."""
    groups: list[dict[str, Any]] = [
        {"title": title, "items": [dict(item) for item in items]} for title, items in _NAVIGATION
    ]
    if request.user.has_perm("governance.view_approval") and (waiting := _waiting_approvals()):
        item = next(item for group in groups for item in group["items"] if item["title"] == "Approvals")
        item |= {"badge": waiting, "badge_variant": "warning"}
    return groups


def _waiting_approvals() -> str:
    from governance import approvals

    count = approvals.count_waiting(at_most=COUNTED_APPROVALS)
    return f"{count - 1}+" if count == COUNTED_APPROVALS else str(count or "")


def profile(request: HttpRequest) -> list[str]:
    """The label at the top of every page: which installation this is."""
    from django.conf import settings

    if settings.IS_SIMULATION:
        return ["Simulation", "warning"]
    return ["Local: no token needed", "warning"] if settings.IS_LOCAL else ["Production", "danger"]


def title(request: HttpRequest) -> str:
    """What the tab of the browser and the page of the login say."""
    from django.conf import settings

    return "Juggernaut (simulation)" if settings.IS_SIMULATION else "Juggernaut"


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the console opens with: the state of everything, as `/health` tells it."""
    from django.conf import settings

    from governance import budgets
    from governance.admin import search
    from governance.models import Approval, DeadLetter, FailureSignature, Task
    from governance.models.budget import FLEET
    from juggernaut.profile import NOTICE
    from monitoring import health
    from monitoring.alerts import questions
    from reliability.breakers.rows import CircuitBreaker

    found = health.report()
    failed = Task.objects.filter(status=Task.Status.FAILED, pk__gte=search.id_at(timezone.now() - DAY))
    open_letters = DeadLetter.objects.filter(status__in=["pending", "retrying"])
    open_groups = FailureSignature.objects.filter(Q(pending__gt=0) | Q(retrying__gt=0))
    is_refusing = Q(mode="forced_open") | (Q(state="open") & ~Q(mode="disabled"))
    duties = ("database", "redis", "workers", "watchdog", "queue", "breakers", "budgets")
    return context | {
        "title": "Overview",
        "notice": NOTICE if settings.IS_LOCAL else "",
        "health": found["status"],
        "queue": found["queue"],
        "failed": failed.values("pk")[: health.COUNTED_UP_TO].count(),
        "today": budgets.standing(FLEET, at=timezone.now())[0],
        "open_breakers": CircuitBreaker.objects.filter(is_refusing).count(),
        "approvals": Approval.objects.filter(status=Approval.Status.PENDING).count(),
        "alerts": questions.count_open(),
        "open_letters": open_letters.values("pk")[: health.COUNTED_UP_TO].count(),
        "open_groups": open_groups.values("pk")[: health.COUNTED_UP_TO].count(),
        "duties": [(duty, found[duty]) for duty in duties],
    }
