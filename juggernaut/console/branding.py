"""The console as a whole: its name, its styles and scripts, and its first page."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static

UNFOLD = {
    "SITE_TITLE": "juggernaut.console.branding.title",
    "SITE_HEADER": "Juggernaut",
    "SITE_SUBHEADER": "Fleet of AI workers",
    "SITE_SYMBOL": "hub",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("juggernaut/favicon.svg"),
        }
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "juggernaut.console.branding.profile",
    "DASHBOARD_CALLBACK": "juggernaut.console.branding.overview",
    "STYLES": [
        lambda request: static("juggernaut/shell.css"),
        lambda request: static("juggernaut/console.css"),
        lambda request: static("juggernaut/dashboards.css"),
    ],
    "SCRIPTS": [
        lambda request: static("juggernaut/console.js"),
        lambda request: static("juggernaut/live.js"),
    ],
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "juggernaut.console.navigation.sidebar",
    },
}


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
    """What the console opens with."""
    from django.conf import settings

    from juggernaut.console.dashboards import overview_page
    from juggernaut.profile import NOTICE

    notice = NOTICE if settings.IS_LOCAL else ""
    return context | overview_page.context(request.user) | {"notice": notice}
