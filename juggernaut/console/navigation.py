"""Where everything is: sections by what operators do, and the pages of each as its tabs."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

COUNTED_APPROVALS = 100


@dataclass(frozen=True)
class Page:
    """A tab: `where` is the name of its address, or the address itself, which may not be there yet."""

    title: str
    where: str
    permission: str = ""
    heading: str = ""

    @property
    def address(self) -> str:
        return _address(self.where)

    def is_shown_to(self, request: HttpRequest) -> bool:
        is_allowed = not self.permission or request.user.has_perm(self.permission)
        return is_allowed and bool(self.address)


@dataclass(frozen=True)
class Section:
    """One entry of the navigation: it leads to the first of its pages that may be seen."""

    title: str
    icon: str
    pages: tuple[Page, ...]

    def shown_to(self, request: HttpRequest) -> list[Page]:
        return [page for page in self.pages if page.is_shown_to(request)]


def _list(title: str, model: str, *, sees: str = "", heading: str = "") -> Page:
    """The list of a model, `governance.task`, for who may view it (or what `sees` names)."""
    app, name = model.split(".")
    return Page(title, f"admin:{app}_{name}_changelist", sees or f"{app}.view_{name}", heading)


_LETTERS = "governance.view_deadletter"

GROUPS: tuple[tuple[str, tuple[Section, ...]], ...] = (
    (
        "",
        (Section("Overview", "space_dashboard", (Page("Overview", "admin:index"),)),),
    ),
    (
        "Work",
        (
            Section(
                "Tasks", "task_alt",
                (
                    _list("Tasks", "governance.task"),
                    _list("Recurring", "governance.recurringtask", heading="Recurring tasks"),
                    _list("Calls", "governance.toolexecution", heading="Calls of tools and models"),
                ),
            ),
            Section(
                "Dead letters", "move_to_inbox",
                (
                    _list("By cause", "governance.failuresignature", heading="Dead letters by cause"),
                    _list("All", "governance.deadletter", heading="Dead letters"),
                    _list("Redrives", "reliability.redrive", sees=_LETTERS),
                ),
            ),
            Section(
                "Workers", "memory",
                (
                    _list("Workers", "governance.worker"),
                    _list("Processes", "governance.workerprocess", heading="Worker processes"),
                    _list("Fleet", "governance.fleet"),
                    _list("Watchdog", "reliability.watchdogsweep", heading="Sweeps of the watchdog"),
                ),
            ),
        ),
    ),
    (
        "Control",
        (
            Section(
                "Budgets", "account_balance_wallet",
                (
                    _list("Budgets", "governance.workerbudget"),
                    _list("Holds", "governance.budgethold", heading="Money held for calls"),
                ),
            ),
            Section(
                "Permissions", "verified_user",
                (
                    _list("Rules", "governance.toolpermission", heading="Permissions"),
                    Page(
                        "Matrix", "admin:governance_toolpermission_matrix", "governance.view_toolpermission"
                    ),
                ),
            ),
            Section("Approvals", "how_to_reg", (_list("Approvals", "governance.approval"),)),
            Section(
                "Breakers", "electric_bolt",
                (
                    Page(
                        "State", "dashboards:breakers", "reliability.view_circuitbreaker",
                        heading="Circuit breakers",
                    ),
                    _list("Settings", "reliability.circuitbreaker", heading="Settings of circuit breakers"),
                ),
            ),
        ),
    ),
    (
        "Insight",
        (
            Section(
                "Costs", "payments",
                (
                    Page("Costs", "dashboards:costs", "governance.view_costline"),
                    _list("Ledger", "governance.costline"),
                    _list("Model prices", "governance.modelprice"),
                ),
            ),
            Section(
                "Alerts", "notifications",
                (
                    _list("Alerts", "monitoring.alert"),
                    _list("Rules", "monitoring.alertrule", heading="Rules of alerts"),
                ),
            ),
            Section(
                "Diagnosis", "troubleshoot",
                (Page("Diagnosis", "/admin/diagnosis/", "governance.view_worker"),),
            ),
            Section(
                "Audit", "history_edu",
                (
                    _list("Audit", "governance.auditentry", heading="Audit log"),
                    _list("Retention", "governance.retentionrule"),
                ),
            ),
        ),
    ),
    (
        "",
        (
            Section(
                "Access", "badge",
                (
                    _list("Users", "auth.user"),
                    _list("Groups", "auth.group"),
                    _list("Tokens", "juggernaut.apitoken", heading="Tokens of clients"),
                ),
            ),
        ),
    ),
)  # fmt: skip


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The sections in which anything may be seen, as Unfold wants them, with what waits for a person."""
    here = current(request.path)
    return [{"title": title, "items": _items(group, request, here)} for title, group in GROUPS]


def _items(group: tuple[Section, ...], request: HttpRequest, here: Section | None) -> list[dict[str, Any]]:
    items = (_item(section, request, here) for section in group)
    return [item for item in items if item["link"]]


def _item(section: Section, request: HttpRequest, here: Section | None) -> dict[str, object]:
    shown = section.shown_to(request)
    item: dict[str, object] = {
        "title": section.title,
        "icon": section.icon,
        "link": shown[0].address if shown else "",
        "active": section is here,
    }
    if section.title == "Approvals" and shown and (waiting := _waiting_approvals()):
        item |= {"badge": waiting, "badge_variant": "warning"}
    return item


def _waiting_approvals() -> str:
    from governance.access import approvals

    count = approvals.count_waiting(at_most=COUNTED_APPROVALS)
    return f"{count - 1}+" if count == COUNTED_APPROVALS else str(count or "")


def sections() -> Iterable[Section]:
    return (section for _, group in GROUPS for section in group)


def current(path: str) -> Section | None:
    """The section of a page: of all pages below which it lies, the one with the longest address."""
    section, _ = _located(path)
    return section


def tabs(request: HttpRequest) -> list[tuple[Page, bool]]:
    """The pages beside this one, and which of them it is; none on a page below, and none if it is alone."""
    section, here = _located(request.path)
    if section is None or here is None or here.address != request.path:
        return []
    shown = section.shown_to(request)
    return [(page, page is here) for page in shown] if len(shown) > 1 else []


def heading(path: str) -> str:
    """What stands over a list."""
    _, page = _located(path)
    return (page.heading or page.title) if page and page.address == path else ""


def crumbs(request: HttpRequest) -> list[tuple[str, str]]:
    """The section and the page above this one, each with its address; the last is where one is."""
    section, page = _located(request.path)
    if section is None or page is None:
        return []
    shown = section.shown_to(request)
    way = [(section.title, shown[0].address if shown else "")]
    if page.title != section.title:
        way.append((page.title, page.address))
    if request.path == page.address:
        way[-1] = (way[-1][0], "")
    return way


def _located(path: str) -> tuple[Section | None, Page | None]:
    index = _address("admin:index")
    found = [
        (page.address, section, page)
        for section in sections()
        for page in section.pages
        if page.address and path.startswith(page.address) and (page.address != index or path == index)
    ]
    _, section, page = max(found, key=lambda one: len(one[0]), default=("", None, None))
    return section, page


@lru_cache
def _address(where: str) -> str:
    """The address, or nothing while no page is there."""
    try:
        address = where if where.startswith("/") else reverse(where)
        # The admin answers for every address below it, by saying that there is nothing.
        return address if resolve(address).url_name else ""
    except (NoReverseMatch, Resolver404):
        return ""
