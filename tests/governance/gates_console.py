"""Addresses and gestures of the console's pages of money, rules and records."""

import re

from django.contrib.messages import get_messages

from tests.reliability.console import hidden

BUDGETS = "/admin/governance/workerbudget/"
PERMISSIONS = "/admin/governance/toolpermission/"
APPROVALS = "/admin/governance/approval/"
CALLS = "/admin/governance/toolexecution/"
LINES = "/admin/governance/costline/"
HOLDS = "/admin/governance/budgethold/"
PRICES = f"{LINES}prices/"
AUDIT = "/admin/governance/auditentry/"
BREAKERS = "/admin/reliability/circuitbreaker/"
VIEWER = (
    "view_task", "view_workerbudget", "view_toolpermission", "view_approval", "view_toolexecution",
    "view_costline", "view_budgethold", "view_modelprice", "view_auditentry", "view_worker",
    "reliability.view_circuitbreaker",
)  # fmt: skip
RULER = (
    *VIEWER, "change_workerbudget", "grant_toolpermission", "decide_approval", "correct_costline",
    "change_modelprice", "reliability.change_circuitbreaker",
)  # fmt: skip


def told(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def chosen(action, *ids):
    return {"action": action, "_selected_action": [str(one) for one in ids]}


def seen(response):
    """What the page says of how things stood when it was made."""
    return hidden(response)["seen"]


def do(client, address, *, reason="because", **said):
    """Open the page of an action, fill in its form and confirm it; the answer to that."""
    asked = client.get(address)
    assert asked.status_code == 200, asked.status_code
    return client.post(address, {"confirmed": "1", "seen": seen(asked), "reason": reason, **said})


def do_many(client, address, action, *ids, reason="because", **said):
    """Choose rows of a list, run the action, and confirm what the page asks."""
    asked = client.post(address, chosen(action, *ids))
    assert asked.status_code == 200, asked.status_code
    confirmed = {"confirmed": "1", "seen": seen(asked), "reason": reason, **said}
    return client.post(address, chosen(action, *ids) | confirmed)


def page(client, address):
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    return response.content.decode()


def text(html):
    """What a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
