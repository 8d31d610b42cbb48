"""`/api/budgets`: limits, how they stand, and the verbs that change them."""

from decimal import Decimal
from typing import Any

import pytest

from governance import budgets
from governance.models import AuditEntry, BudgetWindow, Task, WorkerBudget
from tests.governance import budgets as books
from tests.governance import samples
from tests.governance.api_client import Api


@pytest.fixture(autouse=True)
def limits(db: None) -> None:
    books.allow("ANALYST", fleet="20", daily_limit="8", weekly_limit="30")


def told(scope: str) -> AuditEntry:
    return AuditEntry.objects.filter(target=f"budget {scope}").latest("id")


def limit(scope: str = "ANALYST", name: str = "daily_limit") -> Any:
    return WorkerBudget.objects.values_list(name, flat=True).get(pk=scope)


def used(scope: str, kind: str, **usd: str) -> None:
    """The window of now, as calls would have left it."""
    [found] = [s for s in budgets.balance("ANALYST") if (s.scope, s.kind) == (scope, kind)]
    BudgetWindow.objects.create(
        scope=scope, kind=kind, starts_at=found.starts_at, ends_at=found.ends_at, **usd
    )


class TestTheList:
    def test_tells_limits_and_how_each_window_stands(self, operator: Api):
        used("ANALYST", "day", spent="2.000000001", held="1.5", overage="0.25", carried="0.5")

        rows = {row["scope"]: row for row in operator.get("budgets").json()["budgets"]}

        assert list(rows) == ["FLEET", "ANALYST", "EXECUTOR", "ORCHESTRATOR", "STRATEGIST", "WATCHDOG"]
        analyst = rows["ANALYST"]
        assert (analyst["daily_limit"], analyst["monthly_limit"], analyst["timezone"]) == ("8", None, "UTC")
        day, week, month = analyst["windows"]
        assert {name: day[name] for name in day if name.endswith("_usd")} == {
            "limit_usd": "8",
            "spent_usd": "2.000000001",
            "held_usd": "1.5",
            "overage_usd": "0.25",
            "carried_usd": "0.5",
            "free_usd": "3.999999999",
        }
        assert (day["kind"], week["kind"], month["kind"]) == ("day", "week", "month")
        assert day["ends_at"] > day["starts_at"]
        assert (week["free_usd"], month["limit_usd"], month["free_usd"]) == ("30", None, None)
        assert {window["scope"] for window in rows["FLEET"]["windows"]} == {"FLEET"}

    def test_one_is_found_by_its_address(self, operator: Api):
        listed = operator.get("budgets").json()["budgets"]

        for row in listed:
            assert operator.get(row["url"].partition("/api/")[2]).json() == row

    def test_a_worker_without_limits_is_told_too(self, operator: Api):
        WorkerBudget.objects.filter(pk="ANALYST").delete()

        row = operator.get("budgets/ANALYST").json()

        assert (row["daily_limit"], row["timezone"]) == (None, "UTC")
        assert len(row["windows"]) == 3

    def test_an_unknown_one_names_those_that_there_are(self, operator: Api):
        answer = operator.get("budgets/ANALYTS")

        assert answer.status_code == 404
        assert "known: FLEET, ANALYST" in answer.json()["detail"]


class TestATask:
    def test_has_an_envelope_that_is_read_under_the_task_and_by_its_scope(self, operator: Api):
        task = samples.submit(max_cost_usd="1.5")

        windows = operator.get(f"tasks/{task}/budget").json()["windows"]
        envelope = operator.get(f"budgets/task:{task}").json()

        scopes = [window["scope"] for window in windows]
        assert scopes == [f"task:{task}", *["ANALYST"] * 3, *["FLEET"] * 3]
        assert envelope["windows"] == windows[:1]
        assert (windows[0]["limit_usd"], windows[0]["ends_at"]) == ("1.5", None)

    def test_counts_in_the_envelopes_above_it(self, operator: Api):
        parent = samples.submit(max_cost_usd="1.5")
        child = samples.submit(parent=str(parent), max_cost_usd="0.5")
        Task.objects.get(pk=child, parent=parent)

        windows = operator.get(f"tasks/{child}/budget").json()["windows"]

        assert {window["scope"] for window in windows[:2]} == {f"task:{parent}", f"task:{child}"}

    def test_without_an_envelope_has_its_workers_windows(self, operator: Api):
        task = samples.submit()

        assert operator.get(f"budgets/task:{task}").status_code == 404
        assert len(operator.get(f"tasks/{task}/budget").json()["windows"]) == 6


class TestSettingLimits:
    def test_changes_what_is_named_and_answers_with_the_standing(self, admin: Api):
        answer = admin.patch(
            "budgets/ANALYST", {"daily_limit": "4.5", "weekly_limit": None, "reason": "costs exploded"}
        )

        assert answer.json()["windows"][0]["limit_usd"] == "4.5"
        assert (limit(), limit(name="weekly_limit")) == (Decimal("4.5"), None)
        entry = told("ANALYST")
        assert (entry.actor, entry.action, entry.reason) == (
            "user:admin",
            "budget.set_limits",
            "costs exploded",
        )
        assert (entry.before or {})["daily_limit"] == 8
        assert (entry.after or {})["daily_limit"] == 4.5

    def test_twice_changes_it_once(self, admin: Api):
        body = {"daily_limit": 3, "timezone": "Europe/Berlin"}

        answers = [admin.patch("budgets/FLEET", body) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [200, 200]
        assert AuditEntry.objects.filter(target="budget FLEET", action="budget.set_limits").count() == 1
        assert WorkerBudget.objects.get(pk="FLEET").timezone == "Europe/Berlin"

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "body"),
            ({"reason": "why"}, "body"),
            ({"daily_limit": "-1"}, "daily_limit"),
            ({"daily_limit": "much"}, "daily_limit"),
            ({"weekly_limit": "1e12"}, "weekly_limit"),
            ({"monthly_limit": "0.0000000001"}, "monthly_limit"),
            ({"yearly_limit": "1"}, "yearly_limit"),
            ({"timezone": "Mars/Base"}, "timezone"),
            ({"timezone": 7}, "timezone"),
            ({"daily_limit": 1, "reason": "x\x00"}, "reason"),
        ],
    )
    def test_names_what_is_wrong(self, admin: Api, body: dict[str, Any], field: str):
        answer = admin.patch("budgets/ANALYST", body)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field
        assert limit() == 8

    def test_of_nobody_is_not_found(self, admin: Api):
        assert admin.patch("budgets/ANALYTS", {"daily_limit": 1}).status_code == 404
        assert not WorkerBudget.objects.filter(pk="ANALYTS").exists()


class TestMultiplying:
    @pytest.mark.parametrize(
        ("verb", "body", "day", "week"),
        [
            ("halve", {}, 4, 15),
            ("raise", {}, 16, 60),
            ("raise", {"factor": "1.25"}, 10, Decimal("37.5")),
            ("scale", {"factor": "0.1", "limits": ["weekly_limit"]}, 8, 3),
        ],
    )
    def test_one_budget_tells_before_and_after(
        self, admin: Api, verb: str, body: dict[str, Any], day: Decimal, week: Decimal
    ):
        answer = admin.post(f"budgets/ANALYST/{verb}", body | {"reason": "tight"}).json()

        assert (limit(), limit(name="weekly_limit"), limit(name="monthly_limit")) == (day, week, None)
        assert (answer["before"]["weekly_limit"], Decimal(answer["after"]["weekly_limit"])) == ("30", week)
        assert "monthly_limit" not in answer["after"]
        entry = told("ANALYST")
        assert (entry.action, entry.reason) == (f"budget.{verb}_limits", "tight")
        assert (entry.before or {})["weekly_limit"] == 30

    def test_halving_is_the_runbooks_statement_to_the_last_digit(self, admin: Api):
        books.sql("UPDATE worker_budgets SET daily_limit = 0.111111113 WHERE worker_id <> 'FLEET'")

        books.sql("UPDATE worker_budgets SET daily_limit = daily_limit * 0.5 WHERE worker_id = 'ANALYST'")
        admin.post("budgets/halve", {"scopes": ["EXECUTOR"], "limits": ["daily_limit"]})

        assert limit("EXECUTOR") == limit("ANALYST") == Decimal("0.055555557")

    def test_many_are_changed_together(self, admin: Api):
        answer = admin.post("budgets/halve", {"scopes": ["EXECUTOR", "ANALYST", "ANALYST"]}).json()

        assert [change["scope"] for change in answer["changed"]] == ["ANALYST", "EXECUTOR"]
        assert (limit("ANALYST"), limit("EXECUTOR")) == (4, 5)

    def test_all_or_none(self, admin: Api):
        assert admin.post("budgets/halve", {"scopes": ["ANALYST", "NOBODY"]}).status_code == 404
        assert limit() == 8

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("ANALYST/raise", {"factor": 1}, "factor"),
            ("ANALYST/raise", {"factor": "NaN"}, "factor"),
            ("ANALYST/raise", {"factor": 1e9}, "factor"),
            ("ANALYST/scale", {"factor": -1}, "factor"),
            ("ANALYST/scale", {}, "factor"),
            ("ANALYST/halve", {"factor": 2}, "factor"),
            ("ANALYST/halve", {"limits": ["yearly_limit"]}, "limits"),
            ("ANALYST/halve", {"limits": []}, "limits"),
            ("halve", {}, "scopes"),
            ("halve", {"scopes": []}, "scopes"),
            ("halve", {"scopes": ["ANALYST"], "force": True}, "force"),
        ],
    )
    def test_names_what_is_wrong(self, admin: Api, path: str, body: dict[str, Any], field: str):
        answer = admin.post(f"budgets/{path}", body)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field
        assert limit() == 8

    def test_a_limit_beyond_what_can_be_kept_is_refused(self, admin: Api):
        books.sql("UPDATE worker_budgets SET daily_limit = 900000000 WHERE worker_id = 'ANALYST'")

        answer = admin.post("budgets/ANALYST/raise", {})

        assert answer.json()["errors"][0]["field"] == "factor"
