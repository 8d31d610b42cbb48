"""Which dead letters are meant: what a filter finds, how it reads, and what it refuses."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from governance.errors import EmptyFilter, InvalidFilter
from governance.models import DeadLetter
from reliability.dead_letters import filters
from tests.reliability import letters

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def found(**said):
    return set(filters.parse(said).letters())


def refused(said):
    with pytest.raises(InvalidFilter) as refusal:
        filters.parse(said)
    return {error.field: error.message for error in refusal.value.errors}


@pytest.mark.parametrize(
    ("said", "columns"),
    [
        ({"task_type": "research"}, {"task_type": "research"}),
        ({"worker": "ANALYST"}, {"worker_id": "ANALYST"}),
        ({"service": "openrouter"}, {"service": "openrouter"}),
        ({"tool": "browser"}, {"tool_name": "browser"}),
        ({"cause": "crashes"}, {"cause": "crashes"}),
        ({"matching": "Connection RESET"}, {"error_message": "connection reset by 10.0.0.1"}),
        ({"matching": "by 10.0.0.1"}, {"error_message": "connection reset by 10.0.0.1"}),
        ({"matching": "by <address>"}, {"error_message": "connection reset by 10.0.0.1"}),
        ({"matching": "100%_sure"}, {"error_message": "100%_sure"}),
        ({"created_after": "2026-05-01T12:00:00Z"}, {"created_at": NOON}),
        ({"created_before": "2026-05-01T12:00:00Z"}, {"created_at": NOON - timedelta(seconds=1)}),
    ],
)
def test_each_filter_finds_what_it_names_and_nothing_else(said, columns):
    mine = letters.dead(**columns)
    letters.dead(created_at=NOON + timedelta(seconds=-1 if "created_after" in said else 1))

    assert found(**said) == {mine}


def test_a_group_and_a_state_are_found():
    mine, other = letters.dead("no money"), letters.dead("no time")
    DeadLetter.objects.filter(pk=other.pk).update(status="resolved")

    assert found(signature=str(mine.signature_id)) == {mine}
    assert found(status="resolved") == {other}
    assert found(status=["pending", "resolved"]) == {mine, other}
    assert found(signature=str(uuid4())) == set()


def test_several_filters_must_all_hold_and_lists_mean_any_of_them():
    mine, same = letters.dead("no money", tool_name="a"), letters.dead("no money", tool_name="b")
    letters.dead("no time", tool_name="a")

    assert found(matching="money", tool="a") == {mine}
    assert found(matching="money", tool=["a", "b"]) == {mine, same}
    assert found(matching="money", tool="a,b") == {mine, same}


def test_a_query_string_means_the_same():
    asked = {"tool": ["a", "b,c"], "matching": ["one, two"], "limit": ["5"]}

    chosen = filters.parse_query(asked, besides=["limit"])

    assert chosen == filters.parse({"tool": ["a", "b", "c"], "matching": "one, two"})


def test_a_name_that_may_be_said_once_is_said_once():
    with pytest.raises(InvalidFilter, match="matching: expected once"):
        filters.parse_query({"matching": ["a", "b"]})


def test_an_empty_filter_finds_everything_and_is_refused_where_something_is_done():
    mine = letters.dead()
    empty = filters.parse({})

    assert set(empty.letters()) == {mine}
    with pytest.raises(EmptyFilter, match=r"name at least one of signature, status, .*created_before"):
        empty.require()
    filters.parse({"status": "pending"}).require()


@pytest.mark.parametrize("value", [[], "", [""]])
def test_a_filter_that_says_nothing_does_not_come_to_mean_everything(value):
    assert set(refused({"task_type": value})) == {"task_type"}
    assert set(refused({"signature": value})) == {"signature"}
    assert set(refused({"matching": value})) == {"matching"}


@pytest.mark.parametrize("blank", [" ", "\t \n"])
def test_a_blank_that_slipped_in_does_not_come_to_mean_every_error_with_a_space(blank):
    assert refused({"matching": blank}) == {
        "matching": f"expected some text that is not blank (got {blank!r})"
    }


def test_null_is_the_same_as_nothing_said():
    assert filters.parse({"signature": None}).said == {}


def test_every_wrong_value_is_named_with_what_is_expected():
    wrong = refused(
        {"stauts": "pending", "cause": "bad luck", "signature": "x", "created_after": "2026-05-01"}
    )

    assert wrong["stauts"].startswith("unknown filter; expected one of: signature, status")
    assert "'attempts', 'permanent'" in wrong["cause"]
    assert set(wrong) == {"stauts", "cause", "signature", "created_after"}
    assert set(refused(["pending"])) == {"body"}
    assert set(refused({"matching": "\x00"})) == {"matching"}


def test_it_reads_as_words_and_comes_back_from_its_json():
    said = {"status": ["pending", "retrying"], "matching": "connection reset", "created_after": NOON}

    chosen = filters.parse(said)

    assert str(chosen) == 'status pending or retrying, matching "connection reset", from 2026-05-01T12:00:00Z'
    assert filters.parse(chosen.said) == chosen
