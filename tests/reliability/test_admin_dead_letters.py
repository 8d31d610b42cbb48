"""The console's pages of failures: found without counting, shown without a query a row."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from governance.models import DeadLetter, FailureHour, FailureSignature
from juggernaut.console.lists import read_only, search
from juggernaut.console.pages.dead_letters import trends
from reliability.dead_letters import services as dead_letters
from tests.governance.console import SEED, person
from tests.ids import NOBODYS_ID
from tests.reliability.console import GROUPS, LETTERS, REDRIVES, VIEWER, group_of, page, text
from tests.reliability.letters import dead, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client):
    client.force_login(person(*VIEWER))
    return client


def listed(client, address):
    return [row.failure_reason for row in page(client, address).context["cl"].result_list]


# -------------------------------------------------------------------------------------------- groups


def test_groups_with_open_letters_are_listed_the_last_that_failed_first(viewer):
    dead("first")
    done = dead("resolved by now")
    dead_letters.resolve([done.pk], actor=SEED, note="nobody needs it")
    last = dead("last")
    FailureSignature.objects.filter(pk=last.signature_id).update(last_seen=timezone.now())

    assert listed(viewer, GROUPS) == ["last", "first"]
    assert set(listed(viewer, f"{GROUPS}?letters=all")) == {"last", "first", "resolved by now"}


def test_ignored_groups_are_left_out_unless_they_are_asked_for(viewer):
    for triage in ("open", "known", "ignored"):
        FailureSignature.objects.filter(pk=dead(triage).signature_id).update(triage=triage)

    assert set(listed(viewer, GROUPS)) == {"open", "known"}
    assert listed(viewer, f"{GROUPS}?triage=ignored") == ["ignored"]
    assert listed(viewer, f"{GROUPS}?triage=known") == ["known"]
    assert set(listed(viewer, f"{GROUPS}?triage=all")) == {"open", "known", "ignored"}


def test_a_group_says_how_many_what_it_cost_and_how_retries_went(viewer):
    letter, other, third = dead("boom 1", worker_id="ANALYST"), dead("boom 2"), dead("boom 3")
    DeadLetter.objects.filter(pk=letter.pk).update(cost_usd=Decimal("1.25"))
    dead_letters.retry([letter.pk, other.pk], actor=SEED, reason="mended")
    run(letter)

    said = text(page(viewer, GROUPS))

    assert group_of(third).pk == letter.signature_id
    for part in ("boom &lt;n&gt;", "1 pending", "1 retrying, 1 resolved", "$1.25", "100% of 1", "ANALYST"):
        assert part in said


def test_the_list_of_groups_costs_the_same_queries_for_one_as_for_forty(viewer, django_assert_num_queries):
    dead("boom")
    page(viewer, GROUPS)
    with django_assert_num_queries(8) as few:
        page(viewer, GROUPS)
    for word in range(39):
        dead(f"boom {'x' * (word + 1)}")

    with django_assert_num_queries(len(few.captured_queries)):
        assert len(listed(viewer, GROUPS)) == 40


def test_a_trend_is_counted_by_hour_and_tells_itself():
    group = group_of(dead("boom"))
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    for ago, failures in ((3, 7), (23, 2), (24, 100)):
        FailureHour.objects.create(signature=group, hour=hour - timedelta(hours=ago), failures=failures)

    trend = trends.of([group.pk], now=now)[group.pk]

    assert len(trend.hours) == 24
    assert (trend.hours[0], trend.hours[-4], trend.hours[-1]) == (2, 7, 1)
    assert trend.says == "10 in the last 24 h, at most 7 in one hour"
    assert trend.drawn().count("<rect") == 24


def test_a_group_that_was_quiet_says_so():
    assert trends.of([uuid := uuid4()], now=timezone.now())[uuid].says == "none in the last 24 h"


def test_the_page_of_a_group_shows_its_newest_letters_and_where_to_see_all(viewer):
    letters = [dead(f"order {number} is unknown") for number in range(12)]

    shown = page(viewer, f"{GROUPS}{letters[0].signature_id}/change/")

    assert [letter.pk for letter in shown.context["letters"]] == [letter.pk for letter in letters[:1:-1]]
    assert f"{LETTERS}?signature={letters[0].signature_id}" in shown.content.decode()
    assert "12 in the last 24 h" in text(shown)


def test_the_page_of_a_group_costs_the_same_queries_however_many_letters(viewer, django_assert_num_queries):
    address = f"{GROUPS}{dead('boom').signature_id}/change/"
    page(viewer, address)
    with django_assert_num_queries(12) as few:
        page(viewer, address)
    for _ in range(12):
        dead("boom")

    with django_assert_num_queries(len(few.captured_queries)):
        page(viewer, address)


def test_a_group_whose_letters_are_all_resolved_shows_the_resolved_ones(viewer):
    letter = dead("boom")
    dead_letters.resolve([letter.pk], actor=SEED, note="known")

    said = text(page(viewer, f"{GROUPS}{letter.signature_id}/change/"))

    assert "Newest letters, all resolved" in said


# ------------------------------------------------------------------------------------------- letters


def test_newest_letters_come_first_with_their_task(viewer):
    dead("first")
    second = dead("second")

    shown = page(viewer, LETTERS)

    assert [letter.failure_reason for letter in shown.context["cl"].result_list] == ["second", "first"]
    assert f"/admin/governance/task/{second.task_id}/change/" in shown.content.decode()


def test_the_list_of_letters_costs_the_same_queries_for_one_as_for_forty(viewer, django_assert_num_queries):
    dead("boom")
    page(viewer, LETTERS)
    with django_assert_num_queries(10) as few:
        page(viewer, LETTERS)
    for _ in range(39):
        dead("boom")

    with django_assert_num_queries(len(few.captured_queries)):
        assert len(listed(viewer, LETTERS)) == 40


@pytest.mark.parametrize("address", [LETTERS, GROUPS])
def test_no_list_reads_documents_or_counts_without_a_limit(viewer, address, django_assert_max_num_queries):
    dead("boom")

    with django_assert_max_num_queries(20) as made:
        page(viewer, address)

    asked = [
        q["sql"]
        for q in made.captured_queries
        if "dead_letter_queue" in q["sql"] or "failure_sig" in q["sql"]
    ]
    assert asked
    assert not [sql for sql in asked if '"snapshot"' in sql or '"history"' in sql or '"payload"' in sql]
    assert not [sql for sql in asked if "COUNT(" in sql and "LIMIT" not in sql]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?status=pending", ["timed out", "connection reset by peer"]),
        ("?status=resolved", ["wrong key"]),
        ("?status=resolved&worker=ANALYST", []),
        ("?worker=ANALYST", ["timed out"]),
        ("?cause=operator", []),
        ("?cause=permanent&status=resolved", ["wrong key"]),
        ("?task_type=evaluation", ["connection reset by peer"]),
        ("?tool=sql.query", ["timed out"]),
        ("?service=openrouter", ["connection reset by peer"]),
        ("?q=RESET", ["connection reset by peer"]),
        ("?q=nothing+like+this", []),
        ("?created=1h&status=resolved", ["wrong key"]),
        ("?signature=nonsense", []),
        ("?signature=00000000-0000-0000-0000-000000000000", []),
        ("?status=nonsense", []),
        ("?tool=unheard.of", []),
        ("?service=unheard-of", []),
    ],
)
def test_letters_are_found_by_filter_and_text(viewer, query, found):
    dead("connection reset by peer", task_type="evaluation", service="openrouter")
    dead_letters.resolve([dead("wrong key").pk], actor=SEED, note="renewed")
    dead("timed out", worker_id="ANALYST", tool_name="sql.query")

    assert listed(viewer, f"{LETTERS}{query}") == found


def test_letters_are_found_by_their_group_and_the_filter_names_it(viewer):
    dead("other")
    letter = dead("boom")

    shown = page(viewer, f"{LETTERS}?signature={letter.signature_id}")

    assert [row.pk for row in shown.context["cl"].result_list] == [letter.pk]
    assert "Group: " in text(shown)


def test_a_letter_is_found_by_its_id_or_its_task_s_or_the_beginning_of_one(viewer):
    letter = dead("boom")

    for term in (
        str(letter.pk),
        letter.pk.hex,
        str(letter.pk)[:8],
        str(letter.task_id),
        f" {letter.task_id} ",
    ):
        assert listed(viewer, f"{LETTERS}?q={term}") == ["boom"]
    assert listed(viewer, f"{LETTERS}?q={uuid4()}") == []


def test_errors_are_searched_as_they_were_and_as_they_group(viewer):
    dead("order 4711 is unknown")

    assert listed(viewer, f"{LETTERS}?q=4711") == ["order <n> is unknown"]
    assert listed(viewer, f"{LETTERS}?q=order+%3Cn%3E") == ["order <n> is unknown"]


def test_errors_are_searched_among_the_newest_letters_only(viewer, monkeypatch):
    monkeypatch.setattr(search, "TITLES_SEARCHED", 2)
    for word in ("one", "two", "three"):
        dead(f"wanted {word}")

    assert listed(viewer, f"{LETTERS}?q=wanted") == ["wanted three", "wanted two"]


def test_a_list_longer_than_the_limit_says_that_it_is_cut(viewer, monkeypatch):
    monkeypatch.setattr(read_only, "LISTED", 2)
    for word in "abc":
        dead(word)

    assert "the newest 2 that match" in text(page(viewer, LETTERS))


def test_an_empty_list_says_whether_nothing_exists_or_the_filter_hides_it(viewer):
    assert "No task has ever failed for good" in text(page(viewer, LETTERS))
    assert "No failure waits for a person" in text(page(viewer, GROUPS))
    assert "Nobody has retried many dead letters at once" in text(page(viewer, REDRIVES))

    dead("hidden")

    assert "hides" in text(page(viewer, f"{LETTERS}?q=other"))
    assert "The filters hide" in text(page(viewer, f"{LETTERS}?status=resolved"))


def test_the_page_of_a_letter_shows_error_runs_snapshot_and_history(viewer):
    letter = dead("order 4711 is unknown")
    dead_letters.retry([letter.pk], actor=SEED, reason="the order was entered")
    run(letter, error="order 4711 is still unknown")
    dead_letters.resolve([letter.pk], actor=SEED, note="the order was a test")

    said = text(page(viewer, f"{LETTERS}{letter.pk}/change/"))

    for part in (
        "order 4711 is still unknown", "order &lt;n&gt; is still unknown", "Attempt 1", "Failed again",
        "Retried by command:test", "Resolved by command:test", "the order was a test",
        "&quot;max_attempts&quot;",
    ):  # fmt: skip
        assert part in said, part


def test_the_page_of_a_letter_costs_few_queries(viewer, django_assert_num_queries):
    address = f"{LETTERS}{dead('boom').pk}/change/"
    page(viewer, address)

    with django_assert_num_queries(10):
        page(viewer, address)


def test_a_letter_typed_into_sql_without_words_is_shown(viewer):
    letter = dead("boom")
    DeadLetter.objects.filter(pk=letter.pk).update(error_message="", history=[{}], attempts=[{}])

    assert "(no error message)" in text(page(viewer, f"{LETTERS}{letter.pk}/change/"))
    assert "no reason given" in text(page(viewer, LETTERS))
    assert "no reason given" in text(page(viewer, GROUPS))


def test_an_error_cannot_write_into_any_page(viewer):
    letter = dead("<script>alert(1)</script>")

    for address in (
        GROUPS,
        LETTERS,
        f"{GROUPS}{letter.signature_id}/change/",
        f"{LETTERS}{letter.pk}/change/",
    ):
        assert "<script>alert(1)" not in page(viewer, address).content.decode()


@pytest.mark.parametrize("wrong", ["0193", "nonsense", NOBODYS_ID])
@pytest.mark.parametrize("address", [GROUPS, LETTERS, REDRIVES])
def test_an_id_that_nothing_has_leads_back(viewer, address, wrong):
    assert viewer.get(f"{address}{wrong}/change/").status_code == 302


# -------------------------------------------------------------------------- the pages of other things


def test_a_task_s_page_leads_to_its_open_letter(viewer):
    letter = dead("boom")
    task = f"/admin/governance/task/{letter.task_id}/change/"

    assert f"{LETTERS}{letter.pk}/change/" in page(viewer, task).content.decode()

    dead_letters.resolve([letter.pk], actor=SEED, note="done")
    assert LETTERS + str(letter.pk) not in page(viewer, task).content.decode()


def test_the_overview_counts_open_letters_and_their_groups(viewer):
    dead("one"), dead("one"), dead("another")
    dead_letters.resolve([dead("done").pk], actor=SEED, note="done")

    shown = page(viewer, "/admin/")

    assert "3 open dead letters" in text(shown)
    assert "2 kinds of failure" in text(shown)


def test_who_may_not_look_at_dead_letters_sees_no_number_of_them(client):
    client.force_login(person("view_task"))
    letter = dead("boom")

    assert "dead letter" not in text(page(client, "/admin/"))
    assert "dead letter" not in text(page(client, f"/admin/governance/task/{letter.task_id}/change/"))


@pytest.mark.parametrize("address", [GROUPS, LETTERS, REDRIVES])
def test_who_may_not_look_sees_nothing(client, address):
    assert client.get(address).status_code == 302

    client.force_login(person("view_task"))

    assert client.get(address).status_code == 403


@pytest.mark.parametrize("address", [GROUPS, LETTERS])
def test_rows_can_be_made_and_edited_by_nobody(admin_client, address):
    letter = dead("boom")
    row = letter.pk if address == LETTERS else letter.signature_id

    assert admin_client.get(f"{address}add/").status_code == 403
    assert admin_client.post(f"{address}{row}/change/", {"status": "resolved"}).status_code == 403
    assert admin_client.post(f"{address}{row}/delete/", {"post": "yes"}).status_code == 403
