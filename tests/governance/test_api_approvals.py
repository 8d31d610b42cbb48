"""`/api/approvals`: what waits for a person, and the person's word."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from governance.access import approvals
from governance.models import Approval, AuditEntry
from tests.governance import samples
from tests.governance.api_client import Api


def ask(to: str = "ann", worker: str = "EXECUTOR", **options: Any) -> UUID:
    arguments = {"to": to, "token": "s3cret"}
    return approvals.require(worker, "notify.send", arguments, **options).approval_id


def found(client: Api, **query: Any) -> list[str]:
    return [row["id"] for row in client.get("approvals", **query).json()["approvals"]]


def newest_first(*ids: UUID) -> list[str]:
    """As their ids say, which within a millisecond need not be the order in which they were made."""
    return [str(each) for each in sorted(ids, reverse=True)]


def status(approval_id: UUID) -> str:
    return Approval.objects.get(pk=approval_id).status


class TestTheList:
    def test_tells_what_is_asked_without_secrets(self, operator: Api):
        task = samples.submit()
        ask(task_id=task, price_usd=Decimal("1.50"))

        [row] = operator.get("approvals", status="pending").json()["approvals"]

        assert (row["worker_id"], row["tool_name"], row["price_usd"]) == ("EXECUTOR", "notify.send", "1.5")
        assert row["arguments"] == {"to": "ann", "token": "[hidden]"}
        assert row["task_url"].endswith(f"/api/tasks/{task}")

    def test_filters(self, operator: Api):
        task = samples.submit()
        first, second, third = ask(task_id=task), ask("bob", worker="ANALYST"), ask("eve")
        approvals.approve(third, actor=samples.SYSTEM)

        assert found(operator) == newest_first(first, second, third)
        assert found(operator, task=str(task)) == [str(first)]
        assert found(operator, worker="ANALYST") == [str(second)]
        assert found(operator, status="approved,rejected") == [str(third)]
        assert found(operator, tool="notify.send", status="pending") == newest_first(first, second)
        assert found(operator, created_before="2020-01-01T00:00:00Z") == []
        assert len(found(operator, created_after="2020-01-01T00:00:00Z")) == 3

    def test_pages_follow_one_another(self, operator: Api):
        asked = [ask(name) for name in ("a", "b", "c", "d", "e")]
        path, seen = "approvals?limit=2", []
        while path:
            page = operator.get(path).json()
            seen += [row["id"] for row in page["approvals"]]
            path = (page["next"] or "").partition("/api/")[2]

        assert seen == newest_first(*asked)

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"status": "open"}, "status"),
            ({"task": "task-id"}, "task"),
            ({"created_after": "today"}, "created_after"),
            ({"who": "ann"}, "who"),
            ({"cursor": "AAAA"}, "cursor"),
        ],
    )
    def test_names_what_is_wrong(self, operator: Api, query: dict[str, str], field: str):
        answer = operator.get("approvals", **query)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field

    def test_one_is_found_by_its_address_with_its_digest(self, operator: Api):
        ask()
        [row] = operator.get("approvals").json()["approvals"]

        detail = operator.get(row["url"].partition("/api/")[2]).json()

        assert detail == row | {"digest": detail["digest"]}
        assert len(detail["digest"]) == 64


class TestDeciding:
    @pytest.mark.parametrize(("verb", "ends"), [("approve", "approved"), ("reject", "rejected")])
    def test_one_says_who_and_why(self, operator: Api, verb: str, ends: str):
        approval = ask()

        answer = operator.post(f"approvals/{approval}/{verb}", {"reason": "looked at it"}).json()

        assert (answer["status"], answer["decided_by"]) == (ends, "user:operator")
        assert status(approval) == ends
        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action, entry.reason) == (
            "user:operator",
            f"approval.{verb}",
            "looked at it",
        )
        assert ((entry.before or {})["status"], (entry.after or {})["status"]) == ("pending", ends)

    @pytest.mark.parametrize("verb", ["approve", "reject"])
    def test_too_late_names_the_state_found(self, operator: Api, verb: str):
        approval = ask()
        approvals.approve(approval, actor=samples.SYSTEM)

        answer = operator.post(f"approvals/{approval}/{verb}", {"reason": "why"})

        assert answer.status_code == 409
        assert answer.json()["found"] == "approved"

    def test_who_approves_needs_no_reason_and_who_rejects_does(self, operator: Api):
        first, second = ask(), ask("bob")

        assert operator.post(f"approvals/{first}/approve").status_code == 200
        answer = operator.post(f"approvals/{second}/reject", {})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "reason"
        assert status(second) == "pending"

    def test_many_at_once_tell_which_were_skipped_and_why(self, operator: Api):
        first, second, decided, nobodys = ask(), ask("bob"), ask("eve"), uuid4()
        approvals.reject(decided, actor=samples.SYSTEM, reason="no")
        ids = [str(each) for each in (first, second, decided, nobodys, first)]

        answer = operator.post("approvals/approve", {"ids": ids}).json()

        assert answer == {
            "moved": 2,
            "skipped": 2,
            "skipped_approvals": [
                {"id": str(decided), "found": "rejected"},
                {"id": str(nobodys), "found": None},
            ],
        }
        assert status(first) == status(second) == "approved"

    def test_many_are_rejected_with_one_reason(self, operator: Api):
        asked = [ask(), ask("bob")]
        ids = [str(each) for each in asked]

        assert operator.post("approvals/reject", {"ids": ids}).json()["errors"][0]["field"] == "reason"
        assert operator.post("approvals/reject", {"ids": ids, "reason": "no"}).json()["moved"] == 2
        assert set(Approval.objects.values_list("reason", flat=True)) == {"no"}

    @pytest.mark.parametrize("ids", [[], ["x"], None, [str(uuid4())] * 1001])
    def test_many_names_what_is_wrong(self, operator: Api, ids: object):
        answer = operator.post("approvals/approve", {"ids": ids})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"].partition(".")[0] == "ids"
