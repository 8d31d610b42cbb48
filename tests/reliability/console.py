"""Addresses and gestures of the console's pages of failures."""

import re

from django.contrib.messages import get_messages

from governance.models import DeadLetter, FailureSignature

GROUPS = "/admin/governance/failuresignature/"
LETTERS = "/admin/governance/deadletter/"
REDRIVES = "/admin/reliability/redrive/"
VIEWER = ("view_task", "view_deadletter", "view_failuresignature")
OPERATOR = (*VIEWER, "retry_deadletter", "resolve_deadletter", "triage_failuresignature")


def page(client, address, status=200):
    response = client.get(address)
    assert response.status_code == status, response.status_code
    return response


def text(response):
    """What the page says, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def told(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def ask(client, action, *ids, address=LETTERS, **more):
    return client.post(address, {"action": action, "_selected_action": [str(i) for i in ids], **more})


def confirm(client, action, *ids, reason="because", **more):
    return ask(client, action, *ids, confirmed="1", reason=reason, **more)


def hidden(response):
    """The fields of the page's form that nobody sees."""
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', response.content.decode()))


def status(letter: DeadLetter) -> str:
    return DeadLetter.objects.values_list("status", flat=True).get(pk=letter.pk)


def group_of(letter: DeadLetter) -> FailureSignature:
    return FailureSignature.objects.get(pk=letter.signature_id)
