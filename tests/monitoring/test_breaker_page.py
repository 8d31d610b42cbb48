"""The page of breakers: how they stand, how they stood, and its buttons."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from governance.models import AuditEntry
from juggernaut.console.dashboards import timelines
from reliability import breakers
from reliability.breakers import client as gate
from reliability.breakers import status
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent
from reliability.errors import BreakerOpen
from tests.governance.budgets import sql
from tests.governance.console import person
from tests.reliability.console import text

pytestmark = pytest.mark.django_db(transaction=True)

PAGE, FIGURES = "/admin/breakers/", "/admin/breakers/figures/"
NOW = timezone.now()


@pytest.fixture(autouse=True)
def _gate(transactional_db):
    gate.close()
    CircuitBreaker.objects.all().delete()
    yield
    gate.close()


@pytest.fixture
def name():
    found = f"service-{uuid4().hex}"
    CircuitBreaker.objects.create(name=found, failure_threshold=3)
    return found


def somebody(*codenames):
    user = person()
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="reliability", codename__in=codenames)
    )
    return user


@pytest.fixture
def operator(client):
    client.force_login(somebody("view_circuitbreaker", "change_circuitbreaker"))
    return client


def fail(name, times=3):
    for _ in range(times):
        breakers.record(breakers.acquire(name), breakers.FAILURE)


def test_an_open_breaker_says_why_what_it_counted_and_when_it_probes(operator, name):
    breakers.record(breakers.acquire(name), breakers.SUCCESS)
    fail(name)
    sql(
        "INSERT INTO governance_tasks (title, task_type, status, waiting_for)"
        " SELECT 'x', 'evaluation', 'parked', 'breaker ' || %s FROM generate_series(1, 2)", name,
    )  # fmt: skip

    response = operator.get(PAGE)

    said = text(response)
    assert f"{name} open" in said
    assert "3 failures in a row." in said
    assert "4 in the last 60 s, 3 failed (75.0 %)" in said
    assert "2 wait for it" in said
    probe = status.of_all()[name]["next_probe_at"]
    assert f'data-until="{probe.isoformat()}"' in response.content.decode()


def test_every_verb_is_done_with_its_reason_and_audited(operator, name):
    fail(name)
    for verb, more, mode in (
        ("reset", {}, "normal"),
        ("force-open", {"minutes": "5"}, "forced_open"),
        ("disable", {"minutes": "7"}, "disabled"),
        ("restore", {}, "normal"),
    ):
        answer = operator.post(f"/admin/breakers/{verb}/?name={name}", {"reason": f"why {verb}", **more})
        assert (answer.status_code, answer["Location"]) == (302, PAGE)
        assert status.of_all()[name]["mode"] == mode

    assert status.of_all()[name]["state"] == "closed"
    told = AuditEntry.objects.filter(target__contains=name).values_list("actor", "reason")
    assert {reason for _, reason in told} == {"why reset", "why force-open", "why disable", "why restore"}
    assert {actor for actor, _ in told} == {"user:user0"}


def test_a_mode_says_who_why_and_until_when(operator, name):
    operator.post(f"/admin/breakers/force-open/?name={name}", {"reason": "they <move>", "minutes": "5"})

    response = operator.get(FIGURES)

    assert "Forced open by user:user0: they &lt;move&gt; . Until" in text(response).replace(
        "move&gt;.", "move&gt; ."
    )
    assert "By itself it would be closed." in text(response)
    with pytest.raises(BreakerOpen):
        breakers.acquire(name)


@pytest.mark.parametrize(
    ("verb", "said", "flaw"),
    [
        ("reset", {"reason": " "}, "A reason is needed"),
        ("disable", {"reason": "x"}, "This field is required"),
        ("disable", {"reason": "x", "minutes": "0"}, "greater than or equal to 1"),
        ("force-open", {"reason": "x", "minutes": "soon"}, "Enter a whole number"),
    ],
)
def test_an_answer_that_will_not_do_is_said(operator, name, verb, said, flaw):
    answer = operator.post(f"/admin/breakers/{verb}/?name={name}", said)

    assert flaw in text(answer)
    assert status.of_all()[name]["mode"] == "normal"


@pytest.mark.parametrize("address", ["reset/?name=nobody", "explode/?name=openrouter", "reset/"])
def test_what_is_not_there_is_not_found(operator, address):
    assert operator.get(f"{PAGE}{address}").status_code == 404


def test_who_may_look_is_offered_nothing_and_may_do_nothing(client, name):
    client.force_login(somebody("view_circuitbreaker"))

    assert "jg-button" not in client.get(FIGURES).content.decode()
    assert client.post(f"/admin/breakers/reset/?name={name}", {"reason": "x"}).status_code == 403
    client.force_login(person("view_task"))
    assert client.get(PAGE).status_code == 403
    assert client.get(FIGURES).status_code == 403


def test_a_button_cannot_be_pressed_from_elsewhere(name):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(somebody("view_circuitbreaker", "change_circuitbreaker"))

    assert client.post(f"/admin/breakers/reset/?name={name}", {"reason": "x"}).status_code == 403


def test_the_page_answers_while_redis_is_away(operator, name, monkeypatch):
    gate.close()
    monkeypatch.setattr("django.conf.settings.REDIS_URL", "redis://127.0.0.1:1/0")

    said = text(operator.get(PAGE))

    assert "last known" in said
    assert "Recent calls not known" in said


def test_without_breakers_the_page_says_when_there_will_be_some(operator):
    assert "There is no breaker yet" in text(operator.get(PAGE))


def test_a_page_asks_the_same_of_many_breakers_and_events_as_of_few(operator, name):
    def queries():
        with CaptureQueriesContext(connection) as asked:
            operator.get(FIGURES)
        return len([q for q in asked if "auth_" not in q["sql"] and "django_session" not in q["sql"]])

    queries()
    few = queries()
    CircuitBreaker.objects.bulk_create([CircuitBreaker(name=f"other-{n}-{name}") for n in range(20)])
    queries()

    assert queries() == few <= 4


# ------------------------------------------------------------------------------------------- the strip


def event(hours, from_state, to_state, kind="transition", **more):
    facts = {
        "breaker": "b",
        "kind": kind,
        "mode_before": None,
        "mode_after": None,
        "created_at": NOW - timedelta(hours=hours),
    }
    return facts | {"from_state": from_state, "to_state": to_state} | more


def strip(*history, state="closed", mode="normal", made=100.0):
    found = timelines.segments(history, state=state, mode=mode, made_at=NOW - timedelta(hours=made), now=NOW)
    return [(s.state, (s.ends_at - s.begins_at).total_seconds() / 3600) for s in found]


def mode_event(hours, before, after):
    return event(hours, "", "", kind="mode", mode_before=before, mode_after=after)


def test_a_strip_is_told_by_transitions_and_modes_without_a_gap():
    assert strip() == [("closed", 24)]
    assert strip(state="open") == [("open", 24)]
    assert strip(event(20, "open", "half_open"), event(18, "half_open", "closed")) == [
        ("open", 4), ("half_open", 2), ("closed", 18),
    ]  # fmt: skip
    assert strip(mode_event(10, "normal", "forced_open"), mode_event(4, "forced_open", "normal")) == [
        ("closed", 14), ("forced_open", 6), ("closed", 4),
    ]  # fmt: skip
    assert strip(event(12, "closed", "open"), mode_event(6, "normal", "disabled"), mode="disabled") == [
        ("closed", 12), ("open", 6), ("disabled", 6),
    ]  # fmt: skip
    assert strip(made=3) == [("before", 21), ("closed", 3)]
    assert strip(mode_event(5, "normal", "shadow"), mode="shadow") == [("closed", 19), ("closed", 5)]


def test_the_strip_shows_even_a_second_in_which_it_was_open():
    found = timelines.segments(
        [event(10, "closed", "open"), event(10 - 1 / 3600, "open", "closed")],
        state="closed", mode="normal", made_at=NOW - timedelta(days=9), now=NOW,
    )  # fmt: skip

    drawn = timelines.draw(found, now=NOW)

    assert len(re.findall(r'class="jd-open"', drawn)) == 1
    assert "open 1 s, closed 23 h 59 min" in drawn


def test_only_what_everybody_shared_is_in_the_strip(name):
    for seq, kind in ((1, "transition"), (None, "transition"), (None, "settings")):
        CircuitBreakerEvent.objects.create(
            breaker=name, kind=kind, from_state="closed", to_state="open", seq=seq, created_at=NOW
        )
    CircuitBreakerEvent.objects.create(
        breaker=name, kind="transition", from_state="closed", to_state="open", seq=9,
        created_at=NOW - timedelta(hours=25),
    )  # fmt: skip

    assert [found["kind"] for found in timelines.events(now=NOW + timedelta(seconds=1))[name]] == [
        "transition"
    ]
