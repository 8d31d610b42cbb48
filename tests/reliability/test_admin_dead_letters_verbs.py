"""Retry, resolve, move and triage in the console: with a reason, by permission, told in numbers."""

from uuid import uuid4

import pytest

from governance.models import DeadLetter, FailureSignature
from reliability.dead_letters import services as dead_letters
from tests.governance.console import SEED, person, submit
from tests.governance.console import status as status_of_task
from tests.ids import NOBODYS_ID
from tests.reliability.console import (
    GROUPS,
    LETTERS,
    OPERATOR,
    REDRIVES,
    VIEWER,
    ask,
    confirm,
    group_of,
    page,
    status,
    text,
    told,
)
from tests.reliability.letters import dead

pytestmark = pytest.mark.django_db
TASKS = "/admin/governance/task/"
VERBS = {"retry": "retrying", "resolve": "resolved"}


@pytest.fixture
def operator(client):
    client.force_login(person(*OPERATOR))
    return client


# ----------------------------------------------------------------------------------- letters, chosen


@pytest.mark.parametrize(("verb", "ends"), VERBS.items())
def test_an_action_asks_first_and_then_does_it(operator, verb, ends):
    letter = dead()

    asked = ask(operator, f"{verb}_chosen", letter.pk)
    assert f"{verb.capitalize()} 1 dead letter?" in text(asked)
    assert status(letter) == "pending"

    done = confirm(operator, f"{verb}_chosen", letter.pk, reason="credentials renewed")

    assert done.status_code == 302
    assert status(letter) == ends


def test_a_resolved_letter_keeps_note_and_name(operator):
    letter = dead()

    confirm(operator, "resolve_chosen", letter.pk, reason="credentials renewed")

    letter.refresh_from_db()
    assert (letter.resolution, letter.outcome) == ("credentials renewed", "resolved")
    assert letter.resolved_by.startswith("user:")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("words", ["", "   "])
def test_without_words_nothing_is_done(operator, verb, words):
    letter = dead()

    response = confirm(operator, f"{verb}_chosen", letter.pk, reason=words)

    assert f"A {'note' if verb == 'resolve' else 'reason'} is needed" in text(response)
    assert status(letter) == "pending"


def test_it_tells_in_numbers_what_was_done_and_skipped_and_why(operator):
    retrying, resolved, pending = dead(), dead(), dead()
    dead_letters.retry([retrying.pk], actor=SEED, reason="again")
    dead_letters.resolve([resolved.pk], actor=SEED, note="done")
    ids = (retrying.pk, resolved.pk, pending.pk, uuid4())

    asked = text(ask(operator, "retry_chosen", *ids))
    response = confirm(operator, "retry_chosen", *ids)

    assert "Retry 1 dead letter?" in asked
    assert "1 retrying" in asked
    assert told(response) == "Retried 1 dead letter. Skipped 2: 1 resolved, 1 retrying."


@pytest.mark.parametrize("verb", VERBS)
def test_each_action_is_offered_to_those_alone_who_hold_its_permission(client, verb):
    client.force_login(person(*VIEWER, f"{verb}_deadletter"))
    dead()

    offered = dict(page(client, LETTERS).context["action_form"].fields["action"].choices)

    assert set(offered) == {"", f"{verb}_chosen"}


@pytest.mark.parametrize("verb", VERBS)
def test_who_lacks_the_permission_cannot_do_it_by_hand_either(client, verb):
    client.force_login(person(*VIEWER))
    letter = dead()

    confirm(client, f"{verb}_chosen", letter.pk)
    button = client.post(f"{LETTERS}{letter.pk}/{verb}/", {"confirmed": "1", "reason": "mine"})

    assert button.status_code == 403
    assert status(letter) == "pending"


@pytest.mark.parametrize("verb", VERBS)
def test_the_service_refuses_although_the_page_would_allow(client, monkeypatch, verb):
    from juggernaut.console.pages.dead_letters.dead_letters import DeadLetterAdmin

    monkeypatch.setattr(DeadLetterAdmin, f"has_{verb}_permission", lambda *_: True)
    client.force_login(person(*VIEWER))
    letter = dead()

    assert confirm(client, f"{verb}_chosen", letter.pk).status_code == 403
    assert status(letter) == "pending"


@pytest.mark.parametrize(
    ("prepare", "buttons"), [(None, {"retry", "resolve"}), ("retry", {"resolve"}), ("resolve", set())]
)
def test_a_letter_s_page_has_the_buttons_that_would_do_something(operator, prepare, buttons):
    letter = dead()
    if prepare == "retry":
        dead_letters.retry([letter.pk], actor=SEED, reason="again")
    elif prepare == "resolve":
        dead_letters.resolve([letter.pk], actor=SEED, note="done")

    shown = page(operator, f"{LETTERS}{letter.pk}/change/").content.decode()

    assert {verb for verb in VERBS if f"/{letter.pk}/{verb}/" in shown} == buttons


@pytest.mark.parametrize(("verb", "ends"), VERBS.items())
def test_a_button_asks_and_then_does_it_and_leads_back(operator, verb, ends):
    letter = dead()
    address = f"{LETTERS}{letter.pk}/{verb}/"

    assert f"{verb.capitalize()} 1 dead letter?" in text(page(operator, address))
    assert status(letter) == "pending"
    done = operator.post(address, {"confirmed": "1", "reason": "mended"})

    assert done.url == f"{LETTERS}{letter.pk}/change/"
    assert status(letter) == ends


def test_a_button_that_comes_too_late_says_in_which_state_it_found_the_letter(operator):
    letter = dead()
    dead_letters.resolve([letter.pk], actor=SEED, note="done")

    response = operator.post(f"{LETTERS}{letter.pk}/retry/", {"confirmed": "1", "reason": "late"})

    assert told(response) == "Retried 0 dead letters. Skipped 1: 1 resolved."


# --------------------------------------------------------------------------------- all that match


def test_retrying_all_that_match_leads_to_a_redrive_of_the_filter(operator):
    letter = dead("connection reset by peer")

    response = ask(
        operator, "retry_chosen", letter.pk, select_across="1",
        address=f"{LETTERS}?status=pending&worker=EXECUTOR&q=connection+reset",
    )  # fmt: skip

    assert response.url == f"{REDRIVES}add/?status=pending&worker=EXECUTOR&matching=connection+reset"
    assert status(letter) == "pending"


def test_the_age_that_a_list_filters_by_is_frozen_when_all_that_match_are_retried(operator):
    letter = dead()

    response = ask(operator, "retry_chosen", letter.pk, select_across="1", address=f"{LETTERS}?created=1h")

    assert "created_after=20" in response.url
    assert "1 dead letter would be retried" in text(page(operator, response.url))


def test_all_is_refused_while_nothing_must_match(operator):
    letter = dead()

    response = ask(operator, "retry_chosen", letter.pk, select_across="1")

    assert "Filter or search first" in told(response)
    assert status(letter) == "pending"


def test_all_that_an_id_finds_are_retried_at_once(operator):
    letter, other = dead(), dead()

    asked = confirm(
        operator,
        "retry_chosen",
        letter.pk,
        select_across="1",
        expected_count="1",
        address=f"{LETTERS}?q={letter.pk}",
    )

    assert told(asked) == "Retried 1 dead letter."
    assert status(other) == "pending"


def test_all_that_match_are_resolved(operator):
    matching, other = [dead("match") for _ in range(3)], dead("other")

    response = confirm(
        operator,
        "resolve_chosen",
        matching[0].pk,
        select_across="1",
        expected_count="3",
        address=f"{LETTERS}?q=match",
    )

    assert told(response) == "Resolved 3 dead letters."
    assert status(other) == "pending"


# ------------------------------------------------------------------------------------------- groups


def test_a_group_s_page_has_the_buttons_that_would_do_something(operator):
    letter = dead()
    address = f"{GROUPS}{letter.signature_id}/change/"

    def buttons():
        shown = page(operator, address).content.decode()
        return {v for v in ("retry", "resolve", "triage") if f"/{letter.signature_id}/{v}/" in shown}

    assert buttons() == {"retry", "resolve", "triage"}
    dead_letters.retry([letter.pk], actor=SEED, reason="again")
    assert buttons() == {"resolve", "triage"}
    dead_letters.resolve([letter.pk], actor=SEED, note="done")
    assert buttons() == {"triage"}


def test_the_buttons_of_a_group_are_for_those_who_hold_the_permission(client):
    letter = dead()
    client.force_login(person(*VIEWER))

    shown = page(client, f"{GROUPS}{letter.signature_id}/change/").content.decode()

    for verb in ("retry", "resolve", "triage"):
        assert f"/{letter.signature_id}/{verb}/" not in shown
        assert client.get(f"{GROUPS}{letter.signature_id}/{verb}/").status_code == 403


def test_retrying_a_group_leads_to_the_preview_of_its_redrive(operator):
    letter = dead()

    response = operator.get(f"{GROUPS}{letter.signature_id}/retry/")

    assert response.url == f"{REDRIVES}add/?signature={letter.signature_id}"


def test_resolving_a_group_resolves_its_open_letters_and_no_others(operator):
    one, two, other = dead("boom 1"), dead("boom 2"), dead("other")
    dead_letters.retry([two.pk], actor=SEED, reason="again")

    response = operator.post(
        f"{GROUPS}{one.signature_id}/resolve/", {"confirmed": "1", "reason": "credentials renewed"}
    )

    assert told(response) == "Resolved 2 dead letters."
    assert [status(letter) for letter in (one, two, other)] == ["resolved", "resolved", "pending"]


@pytest.mark.parametrize("verb", ["retry", "resolve", "triage"])
@pytest.mark.parametrize("wrong", [NOBODYS_ID, "nonsense"])
def test_a_verb_on_no_group_is_not_found(operator, verb, wrong):
    assert operator.get(f"{GROUPS}{wrong}/{verb}/").status_code == 404


# ------------------------------------------------------------------------------------------- triage


def triage(client, letter, **said):
    return client.post(f"{GROUPS}{letter.signature_id}/triage/", said)


def test_a_group_is_marked_known_and_opened_again(operator):
    letter = dead()

    known = triage(operator, letter, state="known", note="ann renews the key")
    assert told(known) == "The group is known now."
    group = group_of(letter)
    assert (group.triage, group.note) == ("known", "ann renews the key")
    assert group.triaged_by.startswith("user:")
    assert "ann renews the key" in text(page(operator, GROUPS))

    triage(operator, letter, state="open", note="")
    assert group_of(letter).triage == "open"


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ({"failures": "100"}, "100 more failures"),
        ({"per_hour": "50"}, "50 failures in one hour"),
        ({"hours": "3"}, " from now"),
    ],
)
def test_a_group_is_ignored_until_something_happens_and_says_until_when(operator, ends, said):
    letter = dead()

    triage(operator, letter, state="ignored", note="the provider's night", **ends)

    assert group_of(letter).triage == "ignored"
    assert said in text(page(operator, f"{GROUPS}{letter.signature_id}/change/"))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"state": "known", "note": ""}, "A note is needed"),
        ({"state": "ignored", "note": "noise"}, "say until when"),
        ({"state": "ignored", "note": "noise", "failures": "0"}, "greater than or equal to 1"),
        ({"state": "ignored", "note": "noise", "per_hour": "1"}, "times in this hour already"),
        ({"state": "nonsense", "note": "x"}, "not one of the available choices"),
    ],
)
def test_triage_that_says_too_little_is_refused_beside_the_field(operator, said, why):
    letter = dead()

    assert why in text(triage(operator, letter, **said))
    assert group_of(letter).triage == "open"


def test_triage_needs_its_permission_in_the_service_too(client, monkeypatch):
    from juggernaut.console.pages.dead_letters.groups import GroupAdmin

    letter = dead()
    client.force_login(person(*VIEWER))
    assert triage(client, letter, state="known", note="mine").status_code == 403

    monkeypatch.setattr(GroupAdmin, "has_triage_permission", lambda *_: True)
    assert triage(client, letter, state="known", note="mine").status_code == 403
    assert FailureSignature.objects.get(pk=letter.signature_id).triage == "open"


# ---------------------------------------------------------------------------------- moving a task


@pytest.fixture
def mover(client):
    client.force_login(person(*VIEWER, "move_deadletter"))
    return client


def test_a_task_is_moved_to_the_dead_letters_with_its_reason(mover):
    task_id = submit()

    response = confirm(mover, "move_chosen", task_id, address=TASKS, reason="Rate limit exceeded")

    assert told(response) == "Moved 1 task."
    letter = DeadLetter.objects.get(open_task_id=task_id)
    assert (letter.cause, letter.error_message) == ("operator", "Rate limit exceeded")


def test_the_button_of_a_task_moves_it(mover):
    task_id = submit()
    assert f"/{task_id}/move/" in page(mover, f"{TASKS}{task_id}/change/").content.decode()

    mover.post(f"{TASKS}{task_id}/move/", {"confirmed": "1", "reason": "Rate limit exceeded"})

    assert status_of_task(task_id) == "failed"
    assert f"/{task_id}/move/" not in page(mover, f"{TASKS}{task_id}/change/").content.decode()


def test_who_lacks_the_permission_moves_nothing(client):
    client.force_login(person("view_task"))
    task_id = submit()

    confirm(client, "move_chosen", task_id, address=TASKS)

    assert client.post(f"{TASKS}{task_id}/move/", {"confirmed": "1", "reason": "x"}).status_code == 403
    assert status_of_task(task_id) == "pending"
