"""Redrives in the console: previewed, started on terms, watched, paused, resumed and aborted."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from governance.models import DeadLetter
from reliability import redrives
from reliability.dead_letters import filters
from reliability.dead_letters import services as dead_letters
from reliability.models import Redrive, RedriveItem
from tests.governance.console import SEED, person
from tests.ids import NOBODYS_ID
from tests.reliability.console import OPERATOR, REDRIVES, VIEWER, hidden, page, status, text, told
from tests.reliability.letters import dead, dead_many, run

pytestmark = pytest.mark.django_db
ADD = f"{REDRIVES}add/"
TERMS = {"reason": "credentials renewed", "pace": "50", "may_fail": "20", "canary": "on"}


@pytest.fixture
def operator(client):
    client.force_login(person(*OPERATOR))
    return client


def preview_of(letter):
    return f"{ADD}?signature={letter.signature_id}"


def start(client, address, **terms):
    """Look at the preview, then start what it shows."""
    return client.post(address, {**hidden(page(client, address)), **TERMS, **terms, "start": "1"})


def started(letter, **terms) -> Redrive:
    """A redrive of the letter's group, whose first item has been handed over."""
    chosen = filters.parse({"signature": str(letter.signature_id)})
    return redrives.start(chosen, actor=SEED, reason="mended", **terms)


def address_of(redrive):
    return f"{REDRIVES}{redrive.pk}/change/"


# ---------------------------------------------------------------------------------------- the preview


def test_the_preview_says_how_many_who_is_skipped_and_what_it_may_cost(operator):
    letters = [dead(f"order {number} is unknown") for number in range(8)]
    DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters]).update(cost_usd=Decimal("0.5"))
    dead_letters.retry([letters[0].pk], actor=SEED, reason="again")
    dead_letters.resolve([letters[1].pk], actor=SEED, note="done")

    said = text(page(operator, preview_of(letters[0])))

    assert "6 dead letters would be retried" in said
    assert "Skipped: 1 already retrying, 1 already resolved." in said
    assert "tries 1, then 5, then 6" in said
    assert "about $3.00 if each needs one attempt, $9.00 if each uses all" in said
    assert "order &lt;n&gt; is unknown" in said


def test_the_preview_invents_no_price(operator):
    assert "unknown: no cost was recorded" in text(page(operator, preview_of(dead())))


def test_the_preview_is_asked_for_again_with_other_terms(operator):
    letters = [dead("boom") for _ in range(8)]
    address = preview_of(letters[0])

    again = operator.post(
        address, {**hidden(page(operator, address)), "pace": "0.1", "may_fail": "20", "preview": "1"}
    )

    assert "at least 1 min 20 s at this pace" in text(again)
    assert "all at once, at the pace" in text(again)
    assert not Redrive.objects.exists()


def test_nothing_is_meant_until_something_is_named(operator):
    said = text(page(operator, ADD))

    assert "Which dead letters?" in said
    assert "empty filter" not in said


@pytest.mark.parametrize("wrong", ["?color=red", "?signature=nonsense", "?status=", "?matching=a&matching=b"])
def test_an_address_that_means_nothing_is_refused_with_the_reason(operator, wrong):
    assert "Which dead letters?" in text(page(operator, f"{ADD}{wrong}", status=400))


def test_a_filter_that_matches_nothing_offers_no_start(operator):
    shown = page(operator, f"{ADD}?matching=unheard-of")

    assert "0 dead letters would be retried" in text(shown)
    assert 'name="start"' not in shown.content.decode()


# ------------------------------------------------------------------------------------------ starting


def test_a_redrive_is_started_on_the_terms_that_were_said(operator):
    letters = [dead("boom") for _ in range(8)]

    response = start(operator, preview_of(letters[0]))

    redrive = Redrive.objects.get()
    assert response.url == address_of(redrive)
    assert told(response) == "Started: 8 to retry."
    assert (redrive.reason, redrive.pace_per_second, redrive.max_failure_rate) == (
        "credentials renewed",
        50,
        0.2,
    )
    assert redrive.plan == [1, 5, 8]
    assert redrive.started_by.startswith("user:")
    assert sorted(map(status, letters)) == ["pending"] * 7 + ["retrying"]


def test_letters_that_arrive_after_the_preview_are_left_alone(operator):
    early = dead("boom")
    DeadLetter.objects.filter(pk=early.pk).update(created_at=timezone.now() - timedelta(hours=1))
    address = preview_of(early)
    fields = hidden(page(operator, address))
    late = dead("boom")
    DeadLetter.objects.filter(pk=late.pk).update(created_at=timezone.now())

    operator.post(address, {**fields, **TERMS, "start": "1"})

    assert list(RedriveItem.objects.values_list("letter_id", flat=True)) == [early.pk]
    assert status(late) == "pending"


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"reason": "  "}, "A reason is needed"),
        ({"pace": "0"}, "greater than or equal to"),
        ({"pace": "nan"}, "Enter a number"),
        ({"may_fail": "101"}, "less than or equal to 100"),
    ],
)
def test_terms_that_cannot_be_are_refused_beside_the_field(operator, terms, why):
    letter = dead()

    response = start(operator, preview_of(letter), **terms)

    assert why in text(response)
    assert not Redrive.objects.exists()
    assert status(letter) == "pending"


@pytest.mark.parametrize("as_of", ["", "yesterday"])
def test_without_the_moment_of_the_preview_nothing_starts(operator, as_of):
    letter = dead()

    operator.post(preview_of(letter), {**TERMS, "as_of": as_of, "start": "1"})

    assert status(letter) == "pending"


def test_who_may_not_retry_sees_no_preview_and_starts_nothing(client):
    client.force_login(person(*VIEWER))
    letter = dead()

    assert client.get(preview_of(letter)).status_code == 403
    assert client.post(preview_of(letter), {**TERMS, "start": "1"}).status_code == 403
    assert status(letter) == "pending"


def test_the_service_refuses_although_the_page_would_allow(client, monkeypatch):
    from juggernaut.console.pages.redrives.redrives import RedriveAdmin

    monkeypatch.setattr(RedriveAdmin, "has_add_permission", lambda *_: True)
    client.force_login(person(*VIEWER))
    letter = dead()
    fields = {**TERMS, "as_of": timezone.now().isoformat(), "start": "1"}

    assert client.get(preview_of(letter)).status_code == 403
    assert client.post(preview_of(letter), fields).status_code == 403
    assert status(letter) == "pending"


# ------------------------------------------------------------------------------------------ watching


def test_the_list_shows_progress_and_the_gate_that_stopped_it(operator):
    letters = [dead(f"order {number} is unknown") for number in range(8)]
    redrive = started(letters[0])
    run(letters[0], error="order 1 is unknown")
    redrives.advance(timezone.now())

    said = text(page(operator, REDRIVES))

    redrive.refresh_from_db()
    assert redrive.state == "stopped"
    assert "group “order &lt;n&gt; is unknown”" in said
    assert "canary: the canary failed: 1 of the first 1 failed again" in said
    assert "8: 1 failed, 7 skipped" in said


def test_the_list_costs_the_same_queries_for_one_as_for_many(operator, django_assert_num_queries):
    started(dead("boom"))
    page(operator, REDRIVES)
    with django_assert_num_queries(8) as few:
        page(operator, REDRIVES)
    for word in range(10):
        started(dead(f"boom {'x' * (word + 1)}"))

    with django_assert_num_queries(len(few.captured_queries)):
        page(operator, REDRIVES)


def test_the_page_shows_items_with_their_outcomes(operator):
    letters = [dead(f"order {number} is unknown") for number in range(8)]
    redrive = started(letters[0])
    run(letters[0])
    redrives.advance(timezone.now())

    said = text(page(operator, address_of(redrive)))

    assert "8 in all 1 succeeded 0 failed 0 skipped 4 handed over 3 waiting" in said
    assert "Canary: waits for what becomes of the first 5" in said


def test_items_are_shown_by_state_and_page_by_page(operator):
    ids = dead_many(45)
    chosen = filters.parse({"matching": "it broke"})
    redrive = redrives.start(chosen, actor=SEED, reason="mended", pace=5)
    address = address_of(redrive)

    def positions(query):
        return [item.position for item, _ in page(operator, f"{address}{query}").context["items"]]

    assert len(ids) == redrive.total
    assert positions("?items=handed_over") == [1]
    assert positions("?items=waiting") == list(range(2, 22))
    assert positions("?items=waiting&after=41") == [42, 43, 44, 45]
    assert positions("?items=nonsense&after=nonsense") == list(range(1, 21))
    assert "None failed." in text(page(operator, f"{address}?items=failed"))


def test_the_page_costs_the_same_queries_however_many_items(operator, django_assert_num_queries):
    letters = [dead("boom")]
    one = started(letters[0])
    page(operator, address_of(one))
    with django_assert_num_queries(11) as few:
        page(operator, address_of(one))
    dead_many(30, "bang")
    many = redrives.start(filters.parse({"matching": "bang"}), actor=SEED, reason="mended")

    # A choice that names no group asks for no group's name.
    with django_assert_num_queries(len(few.captured_queries) - 1):
        page(operator, address_of(many))


def test_an_item_outlives_its_letter_on_the_page(operator):
    letter = dead()
    redrive = started(letter)
    letter.task.delete()

    assert "its dead letter was deleted" in text(page(operator, address_of(redrive)))


# --------------------------------------------------------------------------------------- the verbs


def do(client, redrive, verb, reason="because"):
    return client.post(f"{REDRIVES}{redrive.pk}/{verb}/", {"confirmed": "1", "reason": reason})


def state(redrive):
    return Redrive.objects.values_list("state", flat=True).get(pk=redrive.pk)


def test_it_is_paused_resumed_and_aborted(operator):
    letters = [dead("boom") for _ in range(8)]
    redrive = started(letters[0])

    assert told(do(operator, redrive, "pause", "the provider is at lunch")) == "Paused 1 redrive."
    assert state(redrive) == "paused"
    assert "the provider is at lunch" in text(page(operator, address_of(redrive)))
    do(operator, redrive, "resume", "")
    assert state(redrive) == "running"
    do(operator, redrive, "abort", "the wrong group")

    redrive.refresh_from_db()
    assert (redrive.state, redrive.stop_reason, redrive.skipped) == ("aborted", "the wrong group", 7)


def test_aborting_asks_for_a_reason_and_resuming_asks_for_nothing(operator):
    redrive = started(dead())

    assert "A reason is needed" in text(do(operator, redrive, "abort", " "))
    assert state(redrive) == "running"
    redrives.pause(redrive.pk, actor=SEED)
    asked = page(operator, f"{REDRIVES}{redrive.pk}/resume/")

    assert 'name="reason"' not in asked.content.decode()


@pytest.mark.parametrize(
    ("prepare", "buttons"), [(None, {"pause", "abort"}), ("pause", {"resume", "abort"}), ("abort", set())]
)
def test_the_page_has_the_buttons_that_would_do_something(operator, prepare, buttons):
    redrive = started(dead())
    if prepare == "pause":
        redrives.pause(redrive.pk, actor=SEED)
    elif prepare == "abort":
        redrives.abort(redrive.pk, actor=SEED, reason="enough")

    shown = page(operator, address_of(redrive)).content.decode()

    assert {v for v in ("pause", "resume", "abort") if f"/{redrive.pk}/{v}/" in shown} == buttons


def test_a_button_that_comes_too_late_names_the_state_that_it_found(operator):
    redrive = started(dead())
    redrives.abort(redrive.pk, actor=SEED, reason="enough")

    assert told(do(operator, redrive, "pause")) == "Paused 0 redrives. Skipped 1: 1 aborted."


@pytest.mark.parametrize("verb", ["pause", "resume", "abort"])
def test_who_may_only_look_turns_nothing(client, monkeypatch, verb):
    from juggernaut.console.pages.redrives.redrives import RedriveAdmin

    redrive = started(dead())
    if verb == "resume":
        redrives.pause(redrive.pk, actor=SEED)
    before = state(redrive)
    client.force_login(person(*VIEWER))

    assert do(client, redrive, verb).status_code == 403
    monkeypatch.setattr(RedriveAdmin, "has_retry_permission", lambda *_: True)
    assert do(client, redrive, verb).status_code == 403
    assert state(redrive) == before


@pytest.mark.parametrize("verb", ["pause", "resume", "abort"])
@pytest.mark.parametrize("wrong", [NOBODYS_ID, "nonsense"])
def test_a_verb_on_no_redrive_is_not_found(operator, verb, wrong):
    assert operator.get(f"{REDRIVES}{wrong}/{verb}/").status_code == 404
