"""`notify.send`: by webhook or mail, to whom it may be."""

import json
import ssl

import pytest

from reliability.failures import PermanentFailure, Postponed, TransientFailure
from tests.tools.calls import call
from tests.tools.certificate import make
from tests.tools.mailbox import receiving
from workers import tools
from workers.tools.registry import InvalidArguments

MAIL = {"channel": "email", "subject": "Hello", "text": "Line\n.\nLine", "to": ["ann@example.org"]}
HOOK = {"channel": "webhook", "subject": "Hello", "text": "words"}


@pytest.fixture
def mailbox(settings):
    with receiving() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", box.port, False
        settings.DEFAULT_FROM_EMAIL = "juggernaut@example.org"
        yield box


def test_a_webhook_gets_it_as_json(context, site):
    answer = call(context, "notify.send", url=site.on("/hook", "ok"), data={"n": 1}, **HOOK)

    assert answer == {"sent": True, "status": 200}
    [asked] = site.asked
    assert (asked.method, json.loads(asked.body)) == (
        "POST", {"subject": "Hello", "text": "words", "data": {"n": 1}},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind"),
    [(404, PermanentFailure), (302, PermanentFailure), (500, TransientFailure), (429, Postponed)],
)
def test_a_webhook_that_does_not_take_it_is_a_failure(context, site, status, kind):
    with pytest.raises(kind):
        call(context, "notify.send", url=site.on("/hook", status=status, location="/other"), **HOOK)

    assert len(site.asked) == 1


def test_a_webhook_on_a_private_address_is_refused(context):
    with pytest.raises(PermanentFailure, match="no public address"):
        call(context, "notify.send", url="http://127.0.0.1/", **HOOK)


def test_mail_is_sent(context, mailbox):
    answer = call(context, "notify.send", **MAIL)

    assert answer == {"sent": True, "recipients": 1}
    [message] = mailbox.messages
    assert (message["Subject"], message["From"], message["To"]) == (
        "Hello", "juggernaut@example.org", "ann@example.org",
    )  # fmt: skip
    assert message.get_payload().split() == ["Line", "..", "Line"]


def test_mail_goes_by_tls_from_the_first_byte(context, settings, tmp_path, monkeypatch):
    certificate, key = make(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    with receiving(tls=server) as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = False, True
        settings.DEFAULT_FROM_EMAIL = "juggernaut@example.org"

        assert call(context, "notify.send", **MAIL) == {"sent": True, "recipients": 1}

        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(TransientFailure, match="certificate verify failed"):
            call(context, "notify.send", **MAIL)

    assert len(box.messages) == 1


def test_mail_that_should_change_to_tls_is_not_sent_without(context, mailbox, settings):
    settings.EMAIL_USE_TLS = True

    with pytest.raises((TransientFailure, PermanentFailure)):
        call(context, "notify.send", **MAIL)

    assert mailbox.messages == []


def test_mail_without_a_server_says_what_to_set(context, mailbox, settings):
    settings.EMAIL_HOST = settings.DEFAULT_FROM_EMAIL = ""

    with pytest.raises(PermanentFailure, match="set JUGGERNAUT_MAIL_HOST and JUGGERNAUT_MAIL_FROM"):
        call(context, "notify.send", **MAIL)


@pytest.mark.parametrize(
    ("refuses", "kind"), [("550 nobody here", PermanentFailure), ("451 not now", TransientFailure)]
)
def test_mail_that_is_not_taken_is_a_failure(context, mailbox, refuses, kind):
    mailbox.refuses = refuses

    with pytest.raises(kind):
        call(context, "notify.send", **MAIL)


def test_a_mail_server_that_is_away_is_a_failure_that_may_pass(context, mailbox, settings):
    settings.EMAIL_PORT = 1

    with pytest.raises(TransientFailure, match="did not take it"):
        call(context, "notify.send", **MAIL)


@pytest.mark.parametrize(
    "said",
    [
        MAIL | {"subject": "a\nBcc: eve@example.org"}, MAIL | {"subject": "a\r\nb"}, MAIL | {"subject": ""},
        MAIL | {"to": ["ann@example.org\nBcc: eve@example.org"]}, MAIL | {"to": ["ann"]}, MAIL | {"to": []},
        MAIL | {"to": ["a@example.org"] * 11}, MAIL | {"from": "x@example.org"}, MAIL | {"url": "http://a.b/"},
        MAIL | {"text": "x" * 20_001}, HOOK, HOOK | {"url": "file:///etc/passwd"}, HOOK | {"to": ["a@b.org"]},
        HOOK | {"url": "http://a.example/", "data": {"a": "\x00"}}, HOOK | {"channel": "pigeon"},
    ],
    ids=[str(n) for n in range(15)],
)  # fmt: skip
def test_what_could_say_more_than_it_should_is_refused(said):
    with pytest.raises(InvalidArguments):
        tools.get("notify.send").parse(said)
