"""Triage of a group of dead letters through the API and at the prompt."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from governance.models import FailureSignature
from tests.governance.api_client import Api
from tests.ids import NOBODYS_ID
from tests.reliability import letters

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"triage": "known", "note": "the proxy restarts"}, {}),
        (
            {"triage": "ignored", "note": "until the release", "until": "2100-01-01T00:00:00Z"},
            {"ignored_until": "2100-01-01T00:00:00Z"},
        ),
        ({"triage": "ignored", "note": "rare", "failures": 10}, {"ignored_until_failures": 11}),
        ({"triage": "ignored", "note": "rare", "per_hour": 10}, {"ignored_until_per_hour": 10}),
    ],
)
def test_a_group_is_judged_and_opened_again(operator: Api, body: dict[str, Any], kept: dict[str, Any]):
    path = f"dlq/groups/{letters.dead().signature_id}"

    told = operator.post(f"{path}/triage", body).json()

    expected = {"triage": body["triage"], "note": body["note"], "triaged_by": "user:operator"} | kept
    assert {name: told[name] for name in expected} == expected
    assert operator.get(path).json() == told | {"hours": operator.get(path).json()["hours"]}
    opened = operator.post(f"{path}/triage", {"triage": "open"}).json()
    assert (opened["triage"], opened["ignored_until"], opened["ignored_until_failures"]) == (
        "open",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "triage"),
        ({"triage": "solved"}, "triage"),
        ({"triage": "known"}, "note"),
        ({"triage": "known", "note": "x", "failures": 3}, "failures"),
        ({"triage": "ignored", "note": "x"}, "until"),
        ({"triage": "ignored", "failures": 3}, "note"),
        ({"triage": "ignored", "note": "x", "until": "2001-01-01T00:00:00Z"}, "until"),
        ({"triage": "ignored", "note": "x", "until": "soon"}, "until"),
        ({"triage": "ignored", "note": "x", "failures": 0}, "failures"),
        ({"triage": "ignored", "note": "x", "per_hour": "many"}, "per_hour"),
        ({"triage": "ignored", "note": "x", "per_day": 3}, "per_day"),
    ],
)
def test_a_word_that_cannot_be_meant_is_refused(operator: Api, body: dict[str, Any], field: str):
    group = letters.dead().signature_id

    answer = operator.post(f"dlq/groups/{group}/triage", body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert FailureSignature.objects.get(pk=group).triage == "open"


def run(*arguments: object) -> str:
    out = io.StringIO()
    call_command("triage_dlq", *map(str, arguments), stdout=out)
    return out.getvalue().strip()


def test_a_group_is_judged_at_the_prompt():
    group = letters.dead().signature_id

    assert run(group, "known", "--note", "the proxy restarts") == f"group {group} is known"
    told = json.loads(run(group, "ignored", "--note", "rare", "--per-hour", 10, "--json"))

    assert told == {"id": str(group), "triage": "ignored", "note": "rare"}
    assert FailureSignature.objects.get(pk=group).ignored_until_per_hour == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["group-id", "open"], "'group-id' is not the id of a group"),
        ([NOBODYS_ID, "open"], "no group of dead letters has the id"),
        ([NOBODYS_ID, "solved"], "invalid choice"),
        ([NOBODYS_ID, "known"], "note: "),
    ],
)
def test_what_cannot_be_meant_is_said_at_the_prompt(arguments: list[str], said: str):
    with pytest.raises(CommandError, match=said):
        run(*arguments)
