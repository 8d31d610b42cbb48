"""Dead letters and their groups as lists, by cursor and filter."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from governance.models import FailureSignature
from reliability.dead_letters import services as dead_letters
from tests.governance import samples
from tests.governance.api_client import Api
from tests.reliability import letters

pytestmark = pytest.mark.django_db


def ids(answer: Any, name: str = "letters") -> list[str]:
    return [row["id"] for row in answer.json()[name]]


def walk(client: Api, path: str, name: str, **query: Any) -> list[str]:
    """All rows, page by page."""
    found, answer = [], client.get(path, limit=2, **query)
    while True:
        found += ids(answer, name)
        following = answer.json()["next"]
        if following is None:
            return found
        answer = client.client.get(following)


def test_the_newest_letters_come_first_page_by_page(operator: Api):
    made = [str(letters.dead().pk) for _ in range(5)]

    assert walk(operator, "dlq", "letters") == made[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "abc"),
        ({"status": "pending"}, "bc"),
        ({"status": "retrying,resolved"}, "a"),
        ({"task_type": "noop"}, "ab"),
        ({"worker": "ANALYST"}, "c"),
        ({"service": "openrouter"}, "b"),
        ({"tool": "http.request"}, "c"),
        ({"cause": "permanent"}, "abc"),
        ({"cause": "deadline"}, ""),
        ({"matching": "CONNECTION reset"}, "ab"),
        ({"matching": "by peer 7"}, "a"),
        ({"matching": "connection", "service": "openrouter"}, "b"),
        ({"created_before": "2001-01-01T00:00:00Z"}, ""),
        ({"created_after": "2001-01-01T00:00:00Z"}, "abc"),
    ],
)
def test_filters_say_which_letters_are_meant(operator: Api, query: dict[str, str], found: str):
    made = {
        "a": letters.dead("connection reset by peer 7"),
        "b": letters.dead("connection reset by peer 8", service="openrouter"),
        "c": letters.dead("bad", task_type="other", worker_id="ANALYST", tool_name="http.request"),
    }
    dead_letters.resolve([made["a"].pk], actor=samples.SYSTEM, note="known")

    answer = operator.get("dlq", **query)

    assert ids(answer) == [str(made[name].pk) for name in reversed(found)]


def test_a_group_is_a_filter(operator: Api):
    one, _ = letters.dead("first kind"), letters.dead("second kind")

    assert ids(operator.get("dlq", signature=str(one.signature_id))) == [str(one.pk)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"state": "pending"}, "state"),
        ({"status": "broken"}, "status"),
        ({"signature": "x"}, "signature"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"limit": "201"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"matching": ["a", "b"]}, "matching"),
        ({"matching": "a\x00"}, "matching"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(operator: Api, query: dict[str, Any], field: str):
    answer = operator.get("dlq", **query)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_a_list_shows_no_documents_and_asks_one_question(operator: Api):
    for _ in range(3):
        letters.dead()
    operator.get("dlq")

    with CaptureQueriesContext(
        connection,
    ) as queries:
        row = operator.get("dlq").json()["letters"][0]

    assert not {"snapshot", "attempts", "history"} & set(row)
    assert len([query for query in queries if "dead_letter_queue" in query["sql"]]) == 1
    assert not any("count(" in query["sql"].lower() for query in queries)


def test_one_letter_tells_everything(operator: Api):
    letter = letters.dead("connection reset by peer 7", cost_usd="0.250000000")

    row = operator.get(f"dlq/{letter.pk}").json()

    assert (row["status"], row["task_status"], row["cause"]) == ("pending", "failed", "permanent")
    assert (row["failure_reason"], row["error_message"]) == (
        "connection reset by peer <n>",
        "connection reset by peer 7",
    )
    assert row["cost_usd"] == "0.25"
    assert row["snapshot"]["attempts"] == 1
    assert [attempt["error"] for attempt in row["attempts"]] == ["connection reset by peer 7"]
    assert row["task_url"] == f"http://testserver/api/tasks/{letter.task_id}"
    assert operator.client.get(row["group_url"]).json()["id"] == str(letter.signature_id)


def test_the_group_that_failed_last_comes_first_page_by_page(operator: Api):
    made = [letters.dead(f"kind {name}") for name in "abcde"]
    now = timezone.now()
    # Two of them at the same moment: none may be lost or shown twice between two pages.
    for letter, minutes in zip(made, [5, 4, 3, 3, 1], strict=True):
        FailureSignature.objects.filter(pk=letter.signature_id).update(
            last_seen=now - timedelta(minutes=minutes)
        )

    found = walk(operator, "dlq/groups", "groups")

    assert sorted(found) == sorted(str(letter.signature_id) for letter in made)
    assert (found[0], found[-1]) == (str(made[4].signature_id), str(made[0].signature_id))


def test_groups_that_are_done_with_are_left_out_unless_asked_for(operator: Api):
    done, left = letters.dead("first kind"), letters.dead("second kind")
    dead_letters.resolve([done.pk], actor=samples.SYSTEM, note="known")

    assert ids(operator.get("dlq/groups"), "groups") == [str(left.signature_id)]
    assert len(ids(operator.get("dlq/groups", open="false"), "groups")) == 2
    assert ids(operator.get("dlq/groups", triage="known,ignored"), "groups") == []
    assert ids(operator.get("dlq/groups", task_type="noop", triage="open"), "groups") == [
        str(left.signature_id)
    ]


def test_a_group_tells_its_counts_and_its_trend(operator: Api):
    letter = letters.dead("connection reset by peer 1", cost_usd="0.5")
    letters.dead("connection reset by peer 2", cost_usd="0.25")

    row = operator.get(f"dlq/groups/{letter.signature_id}").json()

    assert (row["pending"], row["retrying"], row["resolved"], row["failures"]) == (2, 0, 0, 2)
    assert (row["cost_usd"], row["workers"], row["triage"]) == ("0.75", ["EXECUTOR"], "open")
    assert [hour["failures"] for hour in row["hours"]] == [2]
    assert len(ids(operator.client.get(row["letters_url"]))) == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"pending": "1"}, "pending"),
        ({"open": "maybe"}, "open"),
        ({"triage": "solved"}, "triage"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "f" * 32}, "cursor"),
        ({"limit": "many"}, "limit"),
    ],
)
def test_a_question_about_groups_that_cannot_be_meant_is_refused(
    operator: Api, query: dict[str, str], field: str
):
    answer = operator.get("dlq/groups", **query)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_an_unknown_letter_is_unknown_by_every_name(operator: Api):
    assert operator.get(f"dlq/{uuid4()}").status_code == 404
