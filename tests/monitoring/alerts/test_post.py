"""People are told once for each finding and interval, of its end too; what was not taken is sent again."""

import json
import threading
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from governance.access import permissions
from monitoring.alerts import watchdog_duty
from monitoring.alerts.delivery import channels, sender
from monitoring.alerts.delivery.thread import DeliveryThread
from monitoring.models import Alert, AlertMessage, AlertRule
from tests.governance import samples
from tests.monitoring.alerts.findings import (
    MINUTE,
    alert,
    break_down,
    let_interval_pass,
    let_wait_pass,
    messages,
    recover,
)
from tests.polling import until
from tests.tools.mailbox import receiving

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def healthy(db):
    """Of the rules, one is looked at."""
    AlertRule.objects.exclude(pk="breaker_open").update(is_enabled=False)


def told(site):
    return [json.loads(asked.body) for asked in site.asked]


def test_a_webhook_is_told_that_it_is_so_and_that_it_is_over(look, hook):
    break_down()
    look()
    sender.deliver()
    recover()
    look()
    sender.deliver()

    first, last = told(hook)
    assert first["subject"] == "[warning] breaker_open openrouter"
    assert "circuit breaker openrouter has been open for 10 min" in first["text"]
    assert "Do: manage.py reset_breaker openrouter" in first["text"]
    assert first["data"]["alert_id"] == str(alert().pk)
    assert (first["data"]["state"], last["data"]["state"]) == ("open", "resolved")
    assert first["data"]["message_id"] != last["data"]["message_id"]
    assert last["subject"] == "[resolved] breaker_open openrouter"
    assert messages() == [("firing", "sent"), ("resolved", "sent")]


DEEP = '{"data": ' + "[" * 3000 + "]" * 3000 + "}"


@pytest.mark.parametrize("content", [DEEP, "{}"], ids=["deep", "empty"])
def test_a_message_that_was_changed_in_sql_ends_and_holds_up_no_other(look, hook, content):
    break_down()
    look()
    odd = AlertMessage.objects.get()
    good = AlertMessage.objects.create(
        alert=odd.alert,
        kind=odd.kind,
        channel=odd.channel,
        target=odd.target,
        told_at=odd.told_at + MINUTE,
        content=odd.content,
    )
    with connection.cursor() as cursor:
        statement = "UPDATE alert_messages SET content = %s::jsonb WHERE id = %s"
        cursor.execute(statement, [content, str(odd.pk)])

    assert sender.deliver() == 1

    odd.refresh_from_db()
    good.refresh_from_db()
    assert (odd.state, odd.error) == ("failed", "its content was changed, and cannot be sent")
    assert (good.state, len(told(hook))) == ("sent", 1)


def test_slack_is_told_in_its_own_way(look, site, settings):
    settings.JUGGERNAUT_ALERT_SLACK_WEBHOOKS = [site.on("/services/T0/B0/secret", "ok")]
    break_down()
    look()

    assert sender.deliver() == 1

    [said] = told(site)
    assert said.keys() == {"text"}
    assert said["text"].startswith("*[warning] breaker_open openrouter*\ncircuit breaker openrouter")
    [(target,)] = messages("target")
    assert "secret" not in target


def test_slack_shows_text_from_outside_as_it_is(site, settings):
    target = channels.Target(channels.SLACK, site.on("/services/T0/B0/secret", "ok"))

    channels.send(
        target, {"subject": "<!channel> R&D", "text": "<https://evil.example|ok> & a > b", "data": {}}
    )

    [said] = told(site)
    assert said["text"] == ("*&lt;!channel&gt; R&amp;D*\n&lt;https://evil.example|ok&gt; &amp; a &gt; b")


def test_mail_is_sent(look, settings):
    with receiving() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", box.port, False
        settings.DEFAULT_FROM_EMAIL = "juggernaut@example.org"
        settings.JUGGERNAUT_ALERT_MAIL_TO = ["ann@example.org", "bob@example.org"]
        break_down()
        look()

        assert sender.deliver() == 2

    assert {message["To"] for message in box.messages} == {"ann@example.org", "bob@example.org"}
    assert box.messages[0]["Subject"] == "[warning] breaker_open openrouter"


def test_nobody_is_told_twice_in_an_interval_and_everybody_again_in_the_next(look, hook):
    break_down()
    for _ in range(3):
        look()
        sender.deliver()
    in_the_first = len(hook.asked)
    let_interval_pass()
    for _ in range(2):
        look()
        sender.deliver()

    assert in_the_first == 1
    assert len(hook.asked) == 2


def test_what_flaps_is_told_once_with_its_end_until_the_interval_is_over(look, hook):
    for _ in range(3):
        break_down()
        look()
        sender.deliver()
        recover()
        look()
        sender.deliver()
    at_first = [said["data"]["state"] for said in told(hook)]
    let_interval_pass()
    break_down()
    look()
    sender.deliver()

    assert at_first == ["open", "resolved"]
    assert told(hook)[2]["data"] | {"message_id": None} == told(hook)[2]["data"] | {
        "state": "open", "occurrences": 4, "message_id": None,
    }  # fmt: skip


def test_who_acknowledges_is_not_told_again_but_told_of_the_end(look, hook):
    break_down()
    look()
    sender.deliver()
    Alert.objects.update(state="acknowledged")
    let_interval_pass()
    look()
    sender.deliver()
    recover()
    look()
    sender.deliver()

    assert [said["data"]["state"] for said in told(hook)] == ["open", "resolved"]


def test_what_is_muted_is_told_when_the_mute_has_ended(look, hook):
    break_down()
    Alert.objects.create(rule_id="breaker_open", subject="openrouter", muted_until=timezone.now() + MINUTE)
    look()
    sender.deliver()
    while_muted = len(hook.asked)
    Alert.objects.update(muted_until=timezone.now() - MINUTE)
    look()
    sender.deliver()

    assert (while_muted, len(hook.asked)) == (0, 1)


def test_a_target_that_comes_later_is_told_what_is_open(look, site, settings):
    break_down()
    look()
    settings.JUGGERNAUT_ALERT_WEBHOOKS = [site.on("/hook", "thanks")]
    look()

    assert sender.deliver() == 1


@pytest.mark.parametrize("status", [404, 302, 429, 500, 503])
def test_what_was_not_taken_is_tried_again_later(look, hook, status):
    hook.on("/hook", status=status)
    break_down()
    look()
    sender.deliver()
    at_once = sender.deliver()
    [(state, error, next_try_at)] = messages("state", "error", "next_try_at")
    hook.on("/hook", "thanks")
    let_wait_pass()

    arrived = sender.deliver()

    assert (state, at_once) == ("waiting", 0)
    assert str(status) in error
    assert next_try_at > timezone.now()
    assert arrived == 1
    assert messages("state", "tries") == [("sent", 2)]


def test_all_that_waits_for_a_target_waits_along_and_others_do_not(look, site, settings):
    dead = site.on("/dead", status=500)
    settings.JUGGERNAUT_ALERT_WEBHOOKS = [dead, site.on("/alive", "thanks")]
    for name in ("one", "two", "three"):
        break_down(name)
    look()

    sender.deliver()

    paths = [asked.path for asked in site.asked]
    assert (paths.count("/dead"), paths.count("/alive")) == (1, 3)


def test_it_is_given_up_in_the_end(look, hook, monkeypatch):
    monkeypatch.setattr(sender, "MAX_TRIES", 2)
    hook.on("/hook", status=500)
    break_down()
    look()
    sender.deliver()
    let_wait_pass()
    sender.deliver()

    assert messages() == [("firing", "failed")]


def test_the_next_interval_replaces_what_was_never_delivered(look, hook):
    hook.on("/hook", status=500)
    break_down()
    look()
    sender.deliver()
    let_interval_pass()
    look()

    assert messages() == [("firing", "failed"), ("firing", "waiting")]


def test_what_is_over_before_anybody_was_told_is_not_told(look, hook):
    hook.on("/hook", status=500)
    break_down()
    look()
    sender.deliver()
    recover()
    look()

    assert messages() == [("firing", "dropped")]


def test_what_comes_again_before_its_end_was_told_is_not_told_to_be_over(look, hook):
    break_down()
    look()
    sender.deliver()
    recover()
    look()
    break_down()
    look()
    while_open = messages()
    recover()
    look()
    sender.deliver()

    assert while_open == [("firing", "sent"), ("resolved", "dropped")]
    assert [said["data"]["state"] for said in told(hook)] == ["open", "resolved"]


def test_a_silent_receiver_may_have_taken_it_and_is_not_asked_again(look, hook, monkeypatch):
    monkeypatch.setattr(channels, "SECONDS", 0.2)
    done = threading.Event()
    hook.does("/hook", lambda handler: done.wait(30))
    break_down()
    look()

    sender.deliver()
    done.set()
    let_wait_pass()

    assert sender.deliver() == 0
    assert messages() == [("firing", "unknown")]
    assert len(hook.asked) == 1


def test_what_a_dead_sender_left_is_given_up_not_sent_again(look, hook):
    break_down()
    look()
    sender.take()
    in_time = sender.deliver()
    AlertMessage.objects.update(taken_at=timezone.now() - 2 * MINUTE)

    assert in_time == sender.deliver() == 0
    assert messages("state", "error") == [("unknown", "its sender did not come back: it may have arrived")]
    assert hook.asked == []


def test_a_target_that_left_the_settings_is_told_nothing_more(look, hook, settings):
    break_down()
    look()
    settings.JUGGERNAUT_ALERT_WEBHOOKS = []

    assert sender.deliver() == 0
    assert messages() == [("firing", "dropped")]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://10.0.0.1/hook", "no public address"),
        ("ftp://example.org/", "JUGGERNAUT_ALERT_WEBHOOKS: url: a URL that begins with http"),
        ("nonsense", "JUGGERNAUT_ALERT_WEBHOOKS: url: a URL that begins with http"),
    ],
)
def test_a_target_that_cannot_be_says_so(look, settings, url, error):
    settings.JUGGERNAUT_ALERT_WEBHOOKS = [url]
    break_down()
    look()

    sender.deliver()

    [(said,)] = messages("error")
    assert error in said


def test_without_the_permission_to_notify_messages_wait_and_say_so(look, hook, caplog):
    permissions.revoke("WATCHDOG", "notify.send", actor=samples.SYSTEM)
    break_down()
    look()

    sender.deliver()

    assert hook.asked == []
    assert "messages about alerts wait: permission: WATCHDOG has none for notify.send" in caplog.text
    permissions.grant("WATCHDOG", "notify.send", actor=samples.SYSTEM)
    let_wait_pass()
    assert sender.deliver() == 1


def test_old_messages_are_forgotten(look, hook):
    break_down()
    look()
    sender.deliver()
    AlertMessage.objects.update(created_at=timezone.now() - 31 * 24 * 60 * MINUTE)

    look()

    assert messages() == []


def test_the_database_refuses_a_second_message_of_an_interval(look, hook):
    break_down()
    look()
    message = AlertMessage.objects.get()

    message.pk = uuid4()

    with pytest.raises(IntegrityError), transaction.atomic():
        message.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_an_unreachable_webhook_does_not_stop_the_sweep(rules, hook, monkeypatch):
    AlertRule.objects.exclude(pk="breaker_open").update(is_enabled=False)
    postman, evaluator = DeliveryThread(), watchdog_duty._of_this_process()[0]
    monkeypatch.setattr(watchdog_duty, "_of_this_process", lambda: (evaluator, postman))
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(handler):
        hangs.set()
        goes_on.wait(60)
        handler.send_response(200)
        handler.end_headers()

    hook.does("/hook", hang)
    break_down()
    watchdog_duty.look(timezone.now())
    assert hangs.wait(30)

    break_down("second")
    watchdog_duty.look(timezone.now())
    watchdog_duty.look(timezone.now())
    while_it_hangs = Alert.objects.count()
    goes_on.set()
    until(lambda: messages("state").count(("sent",)) >= 1, what="the first message")
    postman.join(30)
    watchdog_duty.look(timezone.now())
    postman.join(30)

    assert while_it_hangs == 2
    assert messages("state") == [("sent",), ("sent",)]
    assert len(hook.asked) == 2
