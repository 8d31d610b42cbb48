"""Tool `notify.send`: tell people, by a webhook or by mail."""

import asyncio
import smtplib
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway import http
from gateway.http.requests import HttpRequest, Url
from governance.db import strict_json
from governance.tasks.schemas import Text
from reliability.breakers.outcomes import NOT_COUNTED, Outcome, auth, failure
from reliability.calls.types import CallFailed, CallPermit, Money
from reliability.failures import PermanentFailure, TransientFailure
from workers import tools
from workers.tools import http_hosts

SECONDS = 30
MAX_RECIPIENTS = 10
MAX_TEXT = 20_000
# Mail servers may take their time: nobody else waits for them, and no connection to PostgreSQL is needed.
_threads = ThreadPoolExecutor(4, thread_name_prefix="mail")
_SMTP = "django.core.mail.backends.smtp.EmailBackend"


def _one_line(text: str) -> str:
    if any(ord(char) < 32 or ord(char) == 127 for char in text):
        raise ValueError("one line without control characters is expected")
    return text


def _address(text: str) -> str:
    try:
        validate_email(_one_line(text))
    except ValidationError:
        raise ValueError("a mail address is expected, as in ann@example.org") from None
    return text


def _storable(data: dict[str, Any]) -> dict[str, Any]:
    if flaw := strict_json.find_error(data):
        raise ValueError(flaw)
    return data


Address = Annotated[str, Field(max_length=254), AfterValidator(_address)]


class Notice(BaseModel):
    """`channel` webhook needs `url`, to which subject, text and `data` are posted as JSON; `channel`
    email needs `to`."""

    model_config = ConfigDict(extra="forbid")

    channel: Literal["webhook", "email"]
    subject: Annotated[Text, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
    text: Annotated[Text, Field(max_length=MAX_TEXT)] = ""
    url: Url | None = None
    data: Annotated[dict[str, Any], AfterValidator(_storable)] = Field(default_factory=dict)
    to: list[Address] = Field(default_factory=list, max_length=MAX_RECIPIENTS)

    @model_validator(mode="after")
    def _fits_channel(self) -> "Notice":
        is_mail = self.channel == "email"
        if is_mail and not self.to:
            raise ValueError("channel email needs to: a list of at least one mail address")
        if is_mail and (self.url or self.data):
            raise ValueError("url and data are for channel webhook")
        if not is_mail and not self.url:
            raise ValueError("channel webhook needs a url")
        if not is_mail and self.to:
            raise ValueError("to is for channel email")
        return self

    def as_request(self) -> HttpRequest:
        """The webhook's request."""
        said = {"subject": self.subject, "text": self.text, "data": self.data}
        return HttpRequest(
            url=self.url or "", method="POST", json_body=said, max_redirects=0, max_bytes=1_000
        )


def _target(notice: Notice) -> tools.Target:
    if notice.channel == "webhook":
        return http_hosts.target(notice.as_request())
    return tools.Target(service="mail", breakers=("mail",))


@tools.register(
    "notify.send", schema=Notice, seconds=SECONDS, effect="outside", on_unknown="ask", target=_target
)
async def send(arguments: Notice, permit: CallPermit) -> dict[str, Any]:
    """Tell people something: POST it to a webhook (`url`), or mail it (`to`). Answers that it was taken."""
    if arguments.channel == "webhook":
        return await post(arguments.as_request(), seconds=permit.seconds)
    return await asyncio.get_running_loop().run_in_executor(_threads, mail, arguments)


async def post(request: HttpRequest, *, seconds: float) -> dict[str, Any]:
    """Post it to a webhook. Raises what `outbound.fetch` does, and `PermanentFailure` for any other answer
    than 2xx."""
    reply = await http.fetch(request, seconds=seconds)
    if not 200 <= reply.status < 300:
        raise PermanentFailure(f"the webhook answered {reply.status}: {reply.body[:200]}")
    return {"sent": True, "status": reply.status}


def mail(notice: Notice) -> dict[str, Any]:
    """Mail it. Raises `CallFailed` with the reason as its cause, or `PermanentFailure` without a server."""
    _require_mail()
    message = EmailMessage(notice.subject, notice.text, settings.DEFAULT_FROM_EMAIL, notice.to)
    try:
        with get_connection() as connection:
            message.connection = connection
            message.send()
    except (smtplib.SMTPException, OSError) as failed:
        raise _unsent(failed) from failed
    return {"sent": True, "recipients": len(notice.to)}


def _require_mail() -> None:
    missing = [
        variable
        for variable, value in (
            ("JUGGERNAUT_MAIL_HOST", settings.EMAIL_HOST or settings.EMAIL_BACKEND != _SMTP),
            ("JUGGERNAUT_MAIL_FROM", settings.DEFAULT_FROM_EMAIL),
        )
        if not value
    ]
    if missing:
        raise PermanentFailure(f"mail is not configured: set {' and '.join(missing)}")


def _unsent(failed: Exception) -> CallFailed:
    text = f"the mail server did not take it: {failed or type(failed).__name__}"
    error, outcome = _meaning(failed, text)
    return CallFailed(text, error=error, outcome=outcome, money=Money.RELEASED)


def _meaning(failed: Exception, text: str) -> tuple[Exception | None, Outcome]:
    if isinstance(failed, smtplib.SMTPAuthenticationError):
        return None, auth(text)
    if _is_final(failed):
        return PermanentFailure(text), NOT_COUNTED
    return TransientFailure(text), failure(text)


def _is_final(failed: Exception) -> bool:
    """Whether the server will say the same tomorrow: 5xx, to all whom it was meant for."""
    if isinstance(failed, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in failed.recipients.values())
    return isinstance(failed, smtplib.SMTPResponseException) and failed.smtp_code >= 500
