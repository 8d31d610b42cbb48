"""What was to be had in the console or by a command only: the audit log, why, workers' settings."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from governance import budgets
from governance.models import AuditEntry, Worker
from governance.tasks import services as tasks
from governance.tasks import transitions
from tests.governance import samples
from tests.governance.api_client import Api
from tests.governance.samples import SYSTEM
from tests.ids import NOBODYS_ID

pytestmark = pytest.mark.django_db


def entries(client: Api, **query: Any) -> list[str]:
    found = client.get("audit", **query)
    assert found.status_code == 200, found.content
    return [f"{entry['action']} {entry['target']}" for entry in found.json()["entries"]]


def test_the_audit_log_is_told_newest_first_and_filtered(viewer: Api):
    budgets.halve_limits(["ANALYST"], actor=SYSTEM, reason="too dear")
    budgets.halve_limits(["EXECUTOR"], actor=SYSTEM)
    targets = list(AuditEntry.objects.order_by("-id").values_list("target", flat=True)[:2])

    assert [line.partition(" ")[2] for line in entries(viewer, limit=2)] == targets
    assert len(entries(viewer, target=targets[1], actor=SYSTEM.name)) == 1
    assert entries(viewer, actor="user:nobody") == []
    assert entries(viewer, created_before="2020-01-01T00:00:00Z") == []
    [entry] = viewer.get("audit", target=targets[1], limit=1).json()["entries"]
    assert (entry["reason"], entry["actor"]) == ("too dear", SYSTEM.name)
    assert entry["before"]["daily_limit"] > entry["after"]["daily_limit"]


def test_the_audit_log_has_pages(viewer: Api):
    for _ in range(3):
        budgets.halve_limits(["ANALYST"], actor=SYSTEM)
    path, seen = "audit?limit=2", []
    while path:
        page = viewer.client.get(f"/api/{path}").json()
        seen += [entry["id"] for entry in page["entries"]]
        path = page["next"] and page["next"].partition("/api/")[2]

    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == AuditEntry.objects.count()


def test_only_who_may_reads_it(client_with):
    answer = client_with("view_task").get("audit")

    assert (answer.status_code, answer.json()["permission"]) == (403, "governance.view_auditentry")


def test_the_command_lists_the_same(capsys):
    budgets.halve_limits(["ANALYST"], actor=SYSTEM, reason="too dear")

    call_command("audit", "--limit", "1")
    call_command("audit", "--limit", "1", "--json")

    plain, as_json = capsys.readouterr().out.splitlines()
    assert plain.endswith("(too dear)")
    assert json.loads(as_json)[0]["reason"] == "too dear"


def test_a_task_says_why_it_is_not_running(viewer: Api):
    needed = samples.submit(run_after="2100-01-01T00:00:00Z")
    task = samples.submit(depends_on=[str(needed)])

    said = viewer.get(f"tasks/{task}/why").json()

    assert (said["id"], said["status"]) == (str(task), "parked")
    assert "Health check" in said["why"]
    assert "No process of ANALYST is alive" in viewer.get(f"tasks/{needed}/why").json()["why"]


def test_a_task_that_has_ended_has_no_reason_to_tell(viewer: Api):
    task = samples.in_state("cancelled")

    assert viewer.get(f"tasks/{task}/why").json()["why"] == ""
    assert viewer.get(f"tasks/{uuid4()}/why").status_code == 404


def test_a_failed_task_names_its_dead_letter(viewer: Api):
    task = samples.submit()
    transitions.dead_letter([task], actor="tests", reason="it broke")

    letter = viewer.get(f"tasks/{task}").json()["dead_letter_id"]

    assert viewer.get(f"dlq/{letter}").json()["task_id"] == str(task)


def test_every_gate_says_what_it_would_decide(viewer: Api):
    said = viewer.get("gates", worker="ANALYST", tool="no.such", cost_usd="0.5").json()["gates"]

    assert {finding["gate"]: finding["lets_through"] for finding in said}["permission"] is False
    assert viewer.get("gates", worker="ANALYST").status_code == 400
    assert viewer.get("gates", worker="ANALYST", tool="x", cost_usd="much").status_code == 400


def test_who_may_not_read_permissions_asks_no_gates(client_with):
    assert client_with("view_task").get("gates", worker="ANALYST", tool="x").status_code == 403


def test_an_admin_says_how_many_tasks_a_worker_runs_at_a_time(admin: Api):
    answer = admin.patch("workers/ANALYST", {"max_concurrency": 7, "reason": "slow provider"})

    assert (answer.status_code, answer.json()["max_concurrency"]) == (200, 7)
    assert Worker.objects.get(pk="ANALYST").max_concurrency == 7
    assert AuditEntry.objects.latest("id").reason == "slow provider"


@pytest.mark.parametrize("number", [0, 10_001, "7", None])
def test_an_impossible_number_is_refused_with_its_name(admin: Api, number: Any):
    answer = admin.patch("workers/ANALYST", {"max_concurrency": number})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "max_concurrency"


def test_an_unknown_worker_is_not_there(admin: Api, viewer: Api):
    assert admin.patch("workers/NOBODY", {"max_concurrency": 7}).status_code == 404
    assert admin.get("workers/NOBODY").status_code == 404
    assert viewer.patch("workers/ANALYST", {"max_concurrency": 7}).status_code == 403


def test_the_command_sets_it_too(capsys):
    call_command("set_worker", "ANALYST", "9", "--reason", "more work")

    assert "ANALYST: 9 tasks at a time" in capsys.readouterr().out
    assert Worker.objects.get(pk="ANALYST").max_concurrency == 9
    with pytest.raises(CommandError, match="unknown worker 'NOBODY'"):
        call_command("set_worker", "NOBODY", "9")
    with pytest.raises(CommandError, match="from 1 to 10000"):
        call_command("set_worker", "ANALYST", "0")


def test_nothing_is_found_at_an_address_with_a_nul(viewer: Api):
    answers = [
        viewer.client.get("/api/workers/a%00b"),
        viewer.client.get("/api/tasks?status=a%00b"),
        viewer.client.get("/api/dlq/groups?task_type=%00"),
        viewer.client.get("/api/tasks?%00=1"),
    ]

    assert [answer.status_code for answer in answers] == [404, 400, 400, 400]
    assert {answer["Content-Type"] for answer in answers} == {"application/problem+json"}


@pytest.mark.parametrize(
    "query", ["limit=%FF", "limit=1&limit=2", "cursor=%%%", "=", "&&&", "status[]=x", "%", "limit=1;2"]
)
def test_weird_query_strings_are_told_or_ignored_but_never_break(viewer: Api, query: str):
    answer = viewer.client.get(f"/api/tasks?{query}")

    assert answer.status_code in {200, 400}
    assert answer["Content-Type"] in {"application/json", "application/problem+json"}


def test_what_cannot_be_answered_in_the_asked_form_is_406(viewer: Api):
    answer = viewer.client.get("/api/tasks", headers={"Accept": "text/html"})

    assert (answer.status_code, answer["Content-Type"]) == (406, "application/problem+json")


def test_the_tasks_of_nobody_are_no_tasks(viewer: Api):
    assert viewer.get(f"tasks/{NOBODYS_ID}").status_code == 404
    assert tasks.submit([], actor=SYSTEM) == []
