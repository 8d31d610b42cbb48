"""`/api/permissions`: what workers may call, how often they have, and the verbs that change it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.access import permissions
from governance.models import AuditEntry, ToolPermission
from tests.governance import samples
from tests.governance.api_client import Api

CALL = {"worker_id": "ANALYST", "tool_name": "http.get"}


def row_of(tool: str = "http.get", effect: str = "allow") -> ToolPermission:
    return ToolPermission.objects.get(worker_id="ANALYST", tool_name=tool, effect=effect)


def listed(client: Api, **query: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get("permissions", **query).json()["permissions"]
    return rows


class TestTheList:
    def test_tells_terms_and_the_calls_that_were_counted(self, operator: Api):
        permissions.grant("ANALYST", "x.*", actor=samples.SYSTEM, max_calls_per_day=5, max_calls_per_minute=3)
        for _ in range(2):
            permissions.check("ANALYST", "x.y")

        [row] = listed(operator, worker="ANALYST", tool="x.*")

        assert (row["max_calls_per_day"], row["calls_this_day"]) == (5, 2)
        assert (row["max_calls_per_minute"], row["effect"]) == (3, "allow")
        assert row["calls_this_minute"] in (0, 2)  # the minute may have turned meanwhile
        assert row["is_in_force"]

    def test_a_denial_counts_nothing_and_what_is_over_does_not_hold(self, operator: Api):
        permissions.deny("ANALYST", "x.y", actor=samples.SYSTEM)
        later = timezone.now() + timedelta(hours=1)
        permissions.grant("ANALYST", "x.z", actor=samples.SYSTEM, valid_from=later.isoformat())

        denied, later_row = listed(operator, tool="x.y,x.z")

        assert (denied["calls_this_day"], denied["is_in_force"]) == (None, True)
        assert not later_row["is_in_force"]

    def test_pages_follow_one_another_and_show_each_row_once(self, operator: Api):
        total = ToolPermission.objects.count()
        path, seen = "permissions?limit=4", []
        while path:
            page = operator.get(path).json()
            seen += [row["id"] for row in page["permissions"]]
            path = (page["next"] or "").partition("/api/")[2]

        assert len(seen) == len(set(seen)) == total > 8

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"workers": "ANALYST"}, "workers"),
            ({"effect": "maybe"}, "effect"),
            ({"limit": 201}, "limit"),
            ({"cursor": "nonsense"}, "cursor"),
            ({"worker": "a\x00"}, "worker"),
        ],
    )
    def test_names_what_is_wrong(self, operator: Api, query: dict[str, Any], field: str):
        answer = operator.get("permissions", **query)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field


class TestTheQuestion:
    def test_is_answered_with_the_rule_and_counts_nothing(self, operator: Api):
        permissions.grant("ANALYST", "x.y", actor=samples.SYSTEM, max_calls_per_day=1)

        answers = [operator.get("permissions/check", worker="ANALYST", tool="x.y").json() for _ in range(2)]

        assert [(a["is_allowed"], a["rule"]) for a in answers] == [
            (True, "permission: ANALYST is allowed x.y")
        ] * 2

    @pytest.mark.parametrize(
        ("query", "field"),
        [({"worker": "ANALYST"}, "tool"), ({"tool": "x.y"}, "worker"), ({"who": "x"}, "worker")],
    )
    def test_needs_both(self, operator: Api, query: dict[str, str], field: str):
        assert operator.get("permissions/check", **query).json()["errors"][0]["field"] == field


class TestTheVerbs:
    def test_a_grant_sets_exactly_the_terms_that_are_said(self, admin: Api):
        terms = {
            "max_calls_per_day": 5,
            "max_calls_per_minute": 2,
            "requires_approval": True,
            "valid_until": "2099-01-01T00:00:00Z",
        }

        answer = admin.post("permissions/grant", CALL | terms | {"reason": "for May"}).json()
        again = admin.post("permissions/grant", CALL).json()

        assert answer["is_allowed_now"]
        assert answer["rule"] == "permission: ANALYST is allowed http.get"
        assert {name: answer["permission"][name] for name in terms} == terms
        assert again["permission"]["max_calls_per_day"] is None
        first, _ = AuditEntry.objects.order_by("id")
        assert (first.actor, first.action, first.reason) == ("user:admin", "permission.grant", "for May")
        assert (first.before or {})["max_calls_per_day"] == 5000
        assert (first.after or {})["max_calls_per_day"] == 5

    def test_the_same_grant_twice_is_one_change(self, admin: Api):
        for _ in range(2):
            assert admin.post("permissions/grant", CALL | {"max_calls_per_day": 5}).status_code == 200

        assert AuditEntry.objects.filter(action="permission.grant").count() == 1

    def test_a_denial_wins(self, admin: Api):
        answer = admin.post("permissions/deny", CALL | {"reason": "leaked"}).json()

        assert not answer["is_allowed_now"]
        assert answer["rule"] == "permission: ANALYST is denied http.get"
        assert AuditEntry.objects.get().action == "permission.deny"

    def test_a_grant_for_a_day_ends_tomorrow(self, admin: Api):
        answer = admin.post("permissions/grant-for-a-day", CALL | {"tool_name": "x.y", "reason": "once"})

        left = (row_of("x.y").valid_until or timezone.now()) - timezone.now()
        assert answer.json()["is_allowed_now"]
        assert timedelta(hours=23) < left <= timedelta(hours=24)
        assert AuditEntry.objects.get().reason == "once"

    def test_what_is_revoked_is_refused_from_the_next_call_on(self, admin: Api):
        answer = admin.post("permissions/revoke", CALL | {"reason": "leaked"}).json()

        assert answer["rule"] == "permission: ANALYST has none for http.get"
        assert not permissions.check("ANALYST", "http.get").is_allowed
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.reason, entry.after) == ("permission.revoke", "leaked", None)
        assert admin.post("permissions/revoke", CALL).status_code == 404

    def test_a_denial_is_taken_back(self, admin: Api):
        admin.post("permissions/deny", CALL)

        answer = admin.post("permissions/revoke", CALL | {"effect": "deny"}).json()

        assert answer["is_allowed_now"]
        assert row_of().effect == "allow"

    @pytest.mark.parametrize(
        ("verb", "body", "field"),
        [
            ("grant", {"worker_id": "NOBODY"}, "worker_id"),
            ("grant", {"tool_name": "*"}, "tool_name"),
            ("grant", {"max_calls_per_day": -1}, "max_calls_per_day"),
            ("grant", {"max_calls_per_minute": "5"}, "max_calls_per_minute"),
            ("grant", {"valid_until": "tomorrow"}, "valid_until"),
            ("grant", {"calls": 5}, "calls"),
            ("grant", {"reason": "x" * 1001}, "reason"),
            ("grant", {"actor": "root"}, "actor"),
            ("grant", {"valid_from": "2099-01-01T00:00:00Z", "valid_until": "2098-01-01T00:00:00Z"}, "body"),
            ("deny", {"worker_id": 7}, "worker_id"),
            ("grant-for-a-day", {"max_calls_per_day": 5}, "max_calls_per_day"),
            ("grant-for-a-day", {"worker_id": "NOBODY"}, "worker_id"),
            ("revoke", {"effect": "maybe"}, "effect"),
        ],
    )
    def test_names_what_is_wrong(self, admin: Api, verb: str, body: dict[str, Any], field: str):
        answer = admin.post(f"permissions/{verb}", CALL | body)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize("verb", ["grant", "deny", "grant-for-a-day", "revoke"])
    def test_says_who_and_what(self, admin: Api, verb: str):
        errors = admin.post(f"permissions/{verb}", {}).json()["errors"]

        assert [error["field"] for error in errors] == ["worker_id", "tool_name"]
