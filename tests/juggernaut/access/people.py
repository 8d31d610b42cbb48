"""Somebody of each role, in the console and as a client of the API; and addresses to knock at."""

import re

from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client

from governance.access import roles
from juggernaut.access.requirements import ROLES
from tests.governance.api_client import of_role
from tests.ids import NOBODYS_ID

LOGIN = "/admin/login/"
_FILLED = {"verb": "reset", "url": "nothing/", "id": "1", "content_type_id": "1"}


def client_of(who: str) -> Client:
    """A client of the API with a token of somebody of this role; `anonymous` has none."""
    return of_role(who).client if who in ROLES else Client()


def browser_of(who: str) -> Client:
    """A browser in which somebody of this role has logged in; in that of `anonymous` nobody has."""
    browser = Client()
    if who in ROLES:
        user = User.objects.create_user(f"{who} in the console", is_staff=True)
        roles.assign(user, who)
        browser.force_login(user)
    return browser


def filled(route: str) -> str:
    """An address for the route, with a row that exists where the console has one, else nobody's id."""
    row = _row(*route.split("/")[1:3]) if "<path:object_id>" in route else NOBODYS_ID
    plain = route.replace("APP", "governance").removesuffix("$").replace("(?P<url>.*)", "nothing/")
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: _FILLED.get(found[1], row), plain)


def is_refused(answer) -> bool:
    """Whether the answer lets nobody in: it says so, or leads to the login."""
    leads_to_login = answer.status_code == 302 and answer["Location"].startswith(LOGIN)
    return answer.status_code in {401, 403} or leads_to_login


def _row(app: str, name: str) -> str:
    found = apps.get_model(app, name).objects.first() if app in apps.app_configs else None
    return NOBODYS_ID if found is None else str(found.pk)
