"""Retrying many dead letters through the API: a selection at once, all that match by a redrive."""

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from governance.models import DeadLetter
from reliability import redrives
from reliability.models import Redrive
from tests.governance import samples
from tests.governance.api_client import Api
from tests.ids import NOBODYS_ID
from tests.reliability import letters

pytestmark = pytest.mark.django_db
WANTED = {"filter": {"matching": "connection reset"}, "reason": "the proxy is back"}


def start(operator: Api, count: int = 3, **terms: Any) -> Any:
    for _ in range(count):
        letters.dead("connection reset")
    return operator.post("redrives", WANTED | terms)


def test_a_redrive_is_started_and_goes_on_by_itself(operator: Api):
    answer = start(operator)

    assert answer.status_code == 202
    told = answer.json()
    assert answer["Location"] == told["url"] == f"http://testserver/api/redrives/{told['id']}"
    assert (told["state"], told["total"], told["handed_over"], told["waiting"]) == ("running", 3, 1, 2)
    assert (told["filter"], told["reason"], told["started_by"]) == (
        {"matching": "connection reset"},
        "the proxy is back",
        "user:operator",
    )
    assert operator.client.get(told["url"]).json() == told


def test_its_progress_is_told_item_by_item(operator: Api):
    told = start(operator).json()
    first = DeadLetter.objects.order_by("pk")[0]
    letters.run(first)
    redrives.advance(timezone.now())

    stands = operator.client.get(told["url"]).json()
    items = operator.client.get(told["items_url"]).json()["items"]

    assert (stands["succeeded"], stands["failed"]) == (1, 0)
    assert (items[0]["letter_id"], items[0]["state"]) == (str(first.pk), "succeeded")
    assert len(items) == 3
    succeeded = operator.get(f"redrives/{told['id']}/items", state="succeeded")
    assert [item["position"] for item in succeeded.json()["items"]] == [items[0]["position"]]


def test_items_come_page_by_page(operator: Api):
    told = start(operator, 5).json()

    page = operator.client.get(told["items_url"], {"limit": 3}).json()
    rest = operator.client.get(page["next"]).json()

    positions = [item["position"] for item in page["items"] + rest["items"]]
    assert positions == sorted(set(positions))
    assert (len(positions), rest["next"]) == (5, None)


def test_redrives_are_listed_newest_first(operator: Api):
    made = [start(operator, 1).json()["id"] for _ in range(3)]
    redrives.abort(made[0], actor=samples.SYSTEM, reason="enough")

    page = operator.get("redrives", limit=2).json()
    rest = operator.client.get(page["next"]).json()

    assert [row["id"] for row in page["redrives"] + rest["redrives"]] == made[::-1]
    aborted = operator.get("redrives", state="aborted").json()["redrives"]
    assert [row["id"] for row in aborted] == made[:1]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("redrives", {"state": "done"}, "state"),
        ("redrives", {"reason": "x"}, "reason"),
        ("redrives", {"cursor": "x"}, "cursor"),
        (f"redrives/{NOBODYS_ID}/items", {"state": "lost"}, "state"),
        (f"redrives/{NOBODYS_ID}/items", {"cursor": "AAAA"}, "cursor"),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(
    operator: Api, path: str, query: dict[str, str], field: str
):
    answer = operator.get(path, **query)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


def test_a_preview_says_what_would_be_done_and_does_nothing(operator: Api):
    for _ in range(8):
        letters.dead("connection reset")
    letters.dead("bad request")

    answer = operator.post("redrives/preview", {"filter": {"matching": "connection reset"}, "pace": 2})

    told = answer.json()
    assert (told["eligible"], told["left_out"], told["plan"]) == (8, {}, [1, 5, 8])
    assert [group["letters"] for group in told["groups"]] == [8]
    assert (told["forecast"]["one_attempt_usd"], told["forecast"]["letters_unknown"]) == (None, 8)
    assert told["at_least_seconds"] == 4
    assert not Redrive.objects.exists()
    assert DeadLetter.objects.filter(status="pending").count() == 9


def test_a_redrive_is_paused_resumed_and_aborted(operator: Api):
    path = f"redrives/{start(operator).json()['id']}"

    paused = operator.post(f"{path}/pause", {"reason": "lunch"}).json()
    resumed = operator.post(f"{path}/resume").json()
    aborted = operator.post(f"{path}/abort", {"reason": "enough"}).json()

    assert (paused["state"], paused["stopped_by"], paused["stop_reason"]) == (
        "paused",
        "user:operator",
        "lunch",
    )
    assert resumed["state"] == "running"
    assert (aborted["state"], aborted["skipped"], aborted["handed_over"]) == ("aborted", 2, 1)


@pytest.mark.parametrize(
    ("before", "verb", "found"),
    [
        ([], "resume", "running"),
        (["pause"], "pause", "paused"),
        (["abort"], "pause", "aborted"),
        (["abort"], "resume", "aborted"),
        (["abort"], "abort", "aborted"),
    ],
)
def test_too_late_names_the_state_found(operator: Api, before: list[str], verb: str, found: str):
    path = f"redrives/{start(operator).json()['id']}"
    for earlier in before:
        operator.post(f"{path}/{earlier}", {"reason": "enough"})

    answer = operator.post(f"{path}/{verb}", {} if verb == "resume" else {"reason": "enough"})

    assert answer.status_code == 409
    assert answer.json()["found"] == found


@pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": "a\x00"}])
def test_who_aborts_says_why(operator: Api, body: dict[str, str]):
    path = f"redrives/{start(operator).json()['id']}"

    answer = operator.post(f"{path}/abort", body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "reason"
    assert operator.get(path).json()["state"] == "running"


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"pace": 0}, "pace"),
        ({"pace": "fast"}, "pace"),
        ({"max_failure_rate": 2}, "max_failure_rate"),
        ({"canary": "yellow"}, "canary"),
        ({"filter": {"status": "lost"}}, "filter"),
        ({"filter": {"matching": ""}}, "filter"),
        ({"speed": 1}, "speed"),
        ({"filter": None}, "body"),
        ({"ids": [NOBODYS_ID]}, "body"),
    ],
)
def test_a_redrive_that_cannot_be_meant_is_refused(operator: Api, terms: dict[str, Any], field: str):
    answer = start(operator, 1, **terms)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert not Redrive.objects.exists()


@pytest.mark.parametrize("path", ["redrives", "redrives/preview", "dlq/retry"])
def test_an_empty_filter_does_not_mean_everything(operator: Api, path: str):
    letters.dead()
    reason = {} if path.endswith("preview") else {"reason": "why not"}

    answer = operator.post(path, {"filter": {}} | reason)

    assert answer.status_code == 400
    assert "an empty filter" in answer.json()["detail"]
    assert DeadLetter.objects.get().status == "pending"


@pytest.mark.parametrize("pace", [0, -1, 1e9])
def test_a_preview_refuses_the_pace_that_a_start_would_refuse(operator: Api, pace: float):
    answer = operator.post("redrives/preview", {"filter": {"task_type": "noop"}, "pace": pace})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "pace"


def test_a_selection_is_retried_at_once_and_the_others_are_named(operator: Api):
    one, other = letters.dead(), letters.dead()
    operator.post(f"dlq/{other.pk}/retry")
    unknown = str(uuid4())

    answer = operator.post("dlq/retry", {"ids": [str(one.pk), str(other.pk), unknown]})

    assert answer.json() == {
        "moved": 1,
        "skipped": 2,
        "skipped_letters": [{"id": str(other.pk), "found": "retrying"}, {"id": unknown, "found": None}],
    }
    assert not Redrive.objects.exists()


def test_all_that_match_are_retried_by_a_redrive(operator: Api):
    letters.dead("connection reset")

    answer = operator.post("dlq/retry", WANTED)

    assert (answer.status_code, answer.json()["total"]) == (202, 1)
    assert DeadLetter.objects.get().status == "retrying"
