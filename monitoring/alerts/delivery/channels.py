"""Where messages about alerts go, as the settings name it, and sending one there.

They do not are governed calls that tasks' calls go through: an alert must get out while the fleet is paused,
a budget is used up, or a breaker is open. The rules for addresses are the same (`gateway.http`).
"""

import asyncio
import hashlib
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from pydantic import ValidationError

from gateway import http
from gateway.http import HttpRequest, host_key
from governance.tasks.schemas import field_errors
from reliability.calls.types import CallFailed, Money
from reliability.failures import PermanentFailure
from workers.tools import notify
from workers.tools.notify import Notice

SECONDS = 10.0
WEBHOOK, SLACK, EMAIL = "webhook", "slack", "email"
_SETTINGS = {
    WEBHOOK: "JUGGERNAUT_ALERT_WEBHOOKS",
    SLACK: "JUGGERNAUT_ALERT_SLACK_WEBHOOKS",
    EMAIL: "JUGGERNAUT_ALERT_MAIL_TO",
}
Content = Mapping[str, Any]


class NotDeliveredError(Exception):
    """It certainly did not arrive, so it may be tried again."""


class OutcomeUnknownError(Exception):
    """It was sent, and nobody knows whether it arrived: it is not tried again."""


@dataclass(frozen=True, slots=True)
class Target:
    """`address` may be a secret, as that of a Slack webhook is: rows and pages have `name` instead."""

    channel: str
    address: str

    @property
    def name(self) -> str:
        digest = hashlib.sha256(self.address.encode()).hexdigest()[:8]
        return f"{self._host[:50]} #{digest}"

    @property
    def _host(self) -> str:
        if self.channel == EMAIL:
            return self.address.rpartition("@")[2]
        try:
            return host_key(self.address)
        except (KeyError, ValueError):
            return "no URL"


def targets() -> list[Target]:
    """Every target that the settings name."""
    return [
        Target(channel, address)
        for channel, setting in _SETTINGS.items()
        for address in dict.fromkeys(getattr(settings, setting))
    ]


def find(channel: str, name: str) -> Target | None:
    """The target of this name, if the settings still have it."""
    return next((each for each in targets() if (each.channel, each.name) == (channel, name)), None)


def send(target: Target, content: Content) -> None:
    """Send a message: `subject`, `text` and `data`. Raises `NotDeliveredError` or `OutcomeUnknownError`."""
    try:
        if target.channel == EMAIL:
            notify.mail(_mail(target, content))
        else:
            asyncio.run(notify.post(_request(target, content), seconds=SECONDS))
    except CallFailed as failed:
        raise _meaning(failed) from failed
    except PermanentFailure as refused:
        raise NotDeliveredError(str(refused)) from refused
    except ValidationError as wrong:
        said = "; ".join(map(str, field_errors(wrong)))
        raise NotDeliveredError(f"{_SETTINGS[target.channel]}: {said}") from wrong


def _mail(target: Target, content: Content) -> Notice:
    return Notice(channel="email", subject=content["subject"], text=content["text"], to=[target.address])


def _request(target: Target, content: Content) -> HttpRequest:
    if target.channel == SLACK:
        said = {"text": f"*{_slack(content['subject'])}*\n{_slack(content['text'])}"}
        return HttpRequest(url=target.address, method="POST", json_body=said, max_redirects=0)
    notice = Notice(channel="webhook", url=target.address, **content)
    return notice.as_request()


def _slack(text: str) -> str:
    """Text that Slack shows as it is: else `<!channel>` calls everybody, and `<https://…|ok>` hides a link.

    As Slack's formatting reference says: these three characters, and no others.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _meaning(failed: CallFailed) -> Exception:
    """A host that answers has not taken it; one that falls silent may have."""
    if isinstance(failed, http.AnsweredFailure):
        return NotDeliveredError(str(failed))
    is_unsure = isinstance(failed.__cause__, TimeoutError | smtplib.SMTPServerDisconnected)
    if failed.money is Money.RELEASED and not is_unsure:
        return NotDeliveredError(str(failed))
    return OutcomeUnknownError(str(failed))
