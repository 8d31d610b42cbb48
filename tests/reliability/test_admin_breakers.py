"""Breakers in the console: each verb with a reason, once, by permission."""

import pytest

from reliability.breakers import client as gate
from reliability.breakers.models import CircuitBreaker
from tests.governance.console import person
from tests.governance.gates_console import BREAKERS, RULER, VIEWER, do, do_many, page, seen, text, told

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
NAME = "svc:vendor/model"
PAGE = f"{BREAKERS}svc_3Avendor_2Fmodel/"


@pytest.fixture
def row():
    gate.close()
    yield CircuitBreaker.objects.create(name=NAME, state="open", cause="5 failures in a row")
    gate.close()


@pytest.fixture
def ruler(client, row):
    client.force_login(person(*RULER))
    return client


def test_chosen_breakers_are_reset_and_the_page_tells_it(ruler):
    done = do_many(ruler, BREAKERS, "reset_chosen", NAME, reason="mended")

    assert told(done) == f"Reset: {NAME}."
    assert CircuitBreaker.objects.get(pk=NAME).state == "closed"
    assert "mended" in text(page(ruler, f"{PAGE}change/"))


def test_a_reset_that_is_sent_twice_is_done_once(ruler):
    sent = {"confirmed": "1", "seen": seen(ruler.get(f"{PAGE}reset/")), "reason": "once"}

    statuses = [ruler.post(f"{PAGE}reset/", sent).status_code for _ in range(2)]

    assert statuses == [302, 200]


@pytest.mark.parametrize(
    ("verb", "mode"), [("force-open", "forced_open"), ("disable", "disabled"), ("shadow", "shadow")]
)
def test_a_mode_is_set_until_a_time_and_restored(ruler, verb, mode):
    do(ruler, f"{PAGE}{verb}/", until="2100-01-01T12:00")
    assert CircuitBreaker.objects.get(pk=NAME).mode == mode

    do(ruler, f"{PAGE}restore/")

    assert CircuitBreaker.objects.get(pk=NAME).mode == "normal"


def test_disabling_needs_an_end_that_is_to_come(ruler):
    for until in ("", "2001-01-01T00:00"):
        refused = do(ruler, f"{PAGE}disable/", until=until)
        assert list(refused.context["form"].errors) == ["until"]

    assert CircuitBreaker.objects.get(pk=NAME).mode == "normal"


def test_settings_are_changed_and_impossible_ones_named(ruler):
    names = (
        "failure_threshold", "min_calls", "half_open_probes", "failure_rate", "window_seconds",
        "reset_timeout", "max_wait_seconds", "probe_lease_seconds",
    )  # fmt: skip
    row = CircuitBreaker.objects.get(pk=NAME)
    said = {name: str(getattr(row, name)) for name in names}

    refused = do(ruler, f"{PAGE}settings/", **said | {"failure_rate": "7"})
    do(ruler, f"{PAGE}settings/", **said | {"failure_threshold": "9"})

    assert list(refused.context["form"].errors) == ["failure_rate"]
    assert CircuitBreaker.objects.get(pk=NAME).failure_threshold == 9


@pytest.mark.parametrize("verb", ["reset", "settings", "force-open", "disable", "shadow", "restore"])
def test_who_may_only_look_does_nothing(client, row, verb):
    client.force_login(person(*VIEWER))

    assert f"/{verb}/" not in page(client, f"{PAGE}change/")
    assert client.post(f"{PAGE}{verb}/", {"confirmed": "1", "reason": "x"}).status_code == 403
