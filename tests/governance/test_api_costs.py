"""`/api/costs` and `manage.py costs`, `correct_cost`: sums to the digit, the ledger, corrections."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command, load_command_class

from governance.models import AuditEntry, BudgetHold, CostLine
from tests.governance import budgets as books
from tests.governance import samples
from tests.governance.api_client import Api, of_role
from tests.ids import NOBODYS_ID

pytestmark = pytest.mark.django_db
RUNBOOK = "SELECT SUM(cost_usd) FROM api_cost_tracking WHERE created_at > NOW() - INTERVAL '24 hours'"


def line(usd: str, *, hours_ago: float = 0.01, **columns: Any) -> CostLine:
    """A line as somebody would type it into psql, with a hold that has ended."""
    made = {"worker_id": "ANALYST", "cost_usd": usd, "service": "openrouter", "model": "lab/m"} | columns
    made["created_at"] = datetime.now(UTC) - timedelta(hours=hours_ago)
    marks = ", ".join(["%s"] * len(made))
    statement = f"INSERT INTO api_cost_tracking ({', '.join(made)}) VALUES ({marks}) RETURNING id"
    [(line_id,)] = books.sql(statement, *made.values())
    return CostLine.objects.get(pk=line_id)


@pytest.fixture
def task() -> UUID:
    return samples.submit(title="Dear one")


@pytest.fixture
def ledger(task: UUID) -> None:
    line("1.000000001", task_id=str(task))
    line("0.5", worker_id="EXECUTOR", model="lab/other", price_source="unpriced")
    line("0.25", price_source="unknown", hours_ago=5)
    line("0.125", price_source="expired", hours_ago=5)
    line("64", hours_ago=30)


def sums(client: Api, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get("costs", **query).json()
    return found


class TestSums:
    def test_are_the_runbooks_to_the_last_digit(self, viewer: Api, ledger: None):
        [(said,)] = books.sql(RUNBOOK)

        found = sums(viewer)

        assert Decimal(found["cost_usd"]) == said == Decimal("1.875000001")
        for name in ("worker", "model", "service", "task_type", "source", "hour"):
            assert sum(Decimal(each["cost_usd"]) for each in found[f"by_{name}"]) == said

    def test_tell_by_what_and_what_nobody_knows(self, viewer: Api, ledger: None, task: UUID):
        found = sums(viewer)

        assert [(each["name"], each["cost_usd"]) for each in found["by_worker"]] == [
            ("ANALYST", "1.375000001"),
            ("EXECUTOR", "0.5"),
        ]
        assert (found["unpriced_usd"], found["unknown_usd"]) == ("0.5", "0.375")
        assert (found["calls"], found["lines"]) == (4, 4)
        [most_expensive] = found["most_expensive_tasks"]
        assert (most_expensive["task_id"], most_expensive["title"]) == (str(task), "Dear one")
        assert most_expensive["url"].endswith(f"/api/tasks/{task}")

    def test_of_another_span(self, viewer: Api, ledger: None):
        ago = {name: (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
               for name, hours in (("day", 24), ("hour", 1))}  # fmt: skip

        assert sums(viewer, hours=1)["cost_usd"] == "1.500000001"
        assert sums(viewer, hours=48)["cost_usd"] == "65.875000001"
        assert sums(viewer, after=ago["day"], until=ago["hour"])["cost_usd"] == "0.375"

    def test_of_some_calls_only(self, viewer: Api, ledger: None):
        found = sums(viewer, worker="ANALYST", source="unknown")

        assert (found["cost_usd"], found["most_expensive_tasks"]) == ("0.25", None)
        assert sums(viewer, model="lab/other")["cost_usd"] == "0.5"
        assert sums(viewer, task_type="nothing")["cost_usd"] == "0"

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"hours": 0}, "hours"),
            ({"hours": "many"}, "hours"),
            ({"hours": "inf"}, "hours"),
            ({"hours": 9000}, "hours"),
            ({"after": "today"}, "after"),
            ({"after": "2001-01-01T00:00:00Z"}, "after"),
            ({"until": "2026-01-01T00:00:00Z"}, "until"),
            ({"after": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "until"),
            ({"after": "2026-01-02T00:00:00Z", "hours": 1}, "hours"),
            ({"source": "guessed"}, "source"),
            ({"top": -1}, "top"),
            ({"cursor": "x"}, "cursor"),
            ({"worker": "a\x00"}, "worker"),
        ],
    )
    def test_name_what_is_wrong(self, viewer: Api, query: dict[str, Any], field: str):
        answer = viewer.get("costs", **query)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field


class TestPaces:
    def test_tell_what_burns_and_when_it_ends(self, viewer: Api):
        books.allow("ANALYST", fleet="20", daily_limit="8")
        line("2")

        paces = viewer.get("costs/burn-rates").json()["burn_rates"]

        [day] = [pace for pace in paces if (pace["scope"], pace["kind"]) == ("ANALYST", "day")]
        assert (day["last_hour_usd"], day["per_hour_usd"], day["free_usd"]) == ("2", "8", "6")
        assert paces[0]["scope"] == "FLEET"


class TestTheLedger:
    def test_filters(self, viewer: Api, ledger: None, task: UUID):
        def found(**query: Any) -> list[str]:
            return [row["cost_usd"] for row in viewer.get("costs/lines", **query).json()["lines"]]

        after = (datetime.now(UTC) - timedelta(hours=24)).isoformat()
        assert found(created_after=after) == ["0.5", "1.000000001", "0.125", "0.25"]
        assert found(task=str(task)) == ["1.000000001"]
        assert found(worker="EXECUTOR", model="lab/other") == ["0.5"]
        assert found(source="unknown,expired", created_before=after) == []
        assert found(kind="correction") == []
        assert len(found(service="openrouter")) == 5

    def test_pages_follow_one_another_also_within_one_moment(self, viewer: Api):
        books.sql(
            "INSERT INTO api_cost_tracking (worker_id, cost_usd, created_at)"
            " SELECT 'ANALYST', n, timestamptz '2026-01-01Z' + (n / 4) * interval '1 s'"
            " FROM generate_series(1, 11) n"
        )
        path, seen = "costs/lines?limit=3", []
        while path:
            page = viewer.get(path).json()
            seen += [row["cost_usd"] for row in page["lines"]]
            path = (page["next"] or "").partition("/api/")[2]

        assert seen == [str(n) for n in range(11, 0, -1)]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"task": "task-id"}, "task"),
            ({"kind": "fee"}, "kind"),
            ({"source": "x"}, "source"),
            ({"price": "1"}, "price"),
            ({"cursor": "AAAA"}, "cursor"),
        ],
    )
    def test_names_what_is_wrong(self, viewer: Api, query: dict[str, str], field: str):
        answer = viewer.get("costs/lines", **query)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field


class TestCorrections:
    def test_book_the_difference_once_with_who_and_why(self, admin: Api):
        hold = line("2", price_source="unknown").hold_id
        body = {"cost_usd": "0.75", "reason": "invoice of May", "source": "provider"}

        first, again = (admin.post(f"costs/{hold}/correct", body).json() for _ in range(2))

        assert (first["charged_usd"], first["difference_usd"], again["difference_usd"]) == (
            "0.75",
            "-1.25",
            "0",
        )
        correction = CostLine.objects.get(hold_id=hold, kind="correction")
        assert (correction.cost_usd, correction.actor, correction.reason, correction.price_source) == (
            Decimal("-1.25"),
            "user:admin",
            "invoice of May",
            "provider",
        )
        entry = AuditEntry.objects.get(action="cost.correct")
        assert (entry.actor, entry.target, entry.reason) == ("user:admin", f"hold {hold}", "invoice of May")
        assert (entry.before, entry.after) == (
            {"charged_usd": "2.000000000"},
            {"charged_usd": "0.750000000"},
        )
        assert Decimal(sums(admin)["cost_usd"]) == Decimal("0.75")

    def test_wait_until_the_hold_has_ended(self, admin: Api):
        hold = line("2").hold_id
        BudgetHold.objects.filter(pk=hold).update(state="open", ended_at=None)

        answer = admin.post(f"costs/{hold}/correct", {"cost_usd": 1, "reason": "why"})

        assert answer.status_code == 409
        assert answer.json()["found"] == "open"

    @pytest.mark.parametrize("name", [NOBODYS_ID, "nonsense"])
    def test_of_what_is_not_there(self, admin: Api, name: str):
        assert admin.post(f"costs/{name}/correct", {"cost_usd": 1, "reason": "why"}).status_code == 404

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"cost_usd": 1}, "reason"),
            ({"reason": "why"}, "cost_usd"),
            ({"cost_usd": -1, "reason": "why"}, "cost_usd"),
            ({"cost_usd": "1e12", "reason": "why"}, "cost_usd"),
            ({"cost_usd": 1, "reason": "why", "source": "guess"}, "source"),
        ],
    )
    def test_name_what_is_wrong(self, admin: Api, body: dict[str, Any], field: str):
        answer = admin.post(f"costs/{line('2').hold_id}/correct", body)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field
        assert not CostLine.objects.filter(kind="correction").exists()


class TestAccess:
    @pytest.mark.parametrize("path", ["costs", "costs/lines", "costs/burn-rates"])
    def test_every_role_reads_and_nobody_else(self, nobody: Api, client_with, path: str):
        assert nobody.get(path).status_code == 401
        assert client_with("view_task").get(path).status_code == 403
        assert {of_role(role).get(path).status_code for role in ("viewer", "operator", "admin")} == {200}

    @pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403), ("admin", 200)])
    def test_admins_correct(self, role: str, status: int):
        body = {"cost_usd": 1, "reason": "invoice"}

        answer = of_role(role).post(f"costs/{line('2').hold_id}/correct", body)

        assert answer.status_code == status
        assert AuditEntry.objects.filter(action="cost.correct").exists() == (status == 200)


def run(command: str, *arguments: object) -> str:
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue().strip()


class TestTheCommands:
    def test_the_sums(self, ledger: None, task: UUID):
        said = run("costs")

        assert "1.875000001 USD in 4 calls" in said.splitlines()[0]
        assert said.splitlines()[1] == "unpriced 0.500000000 USD, unknown 0.375000000 USD"
        assert "  1.375000001 USD in 3 calls  ANALYST" in said
        assert f"  1.000000001 USD  {task}  Dear one" in said

    def test_one_sum_of_another_span(self, ledger: None):
        said = run("costs", "--hours", "48", "--by", "worker", "--worker", "ANALYST").splitlines()

        assert said[2:] == ["by worker:", "  65.375000001 USD in 4 calls  ANALYST"]
        assert json.loads(run("costs", "--json", "--top", "0"))["most_expensive_tasks"] == []

    def test_the_ledger_and_the_paces(self, ledger: None):
        assert len(run("costs", "--lines", "--worker", "ANALYST").splitlines()) == 4
        assert len(json.loads(run("costs", "--lines", "--limit", "2", "--json"))) == 2
        assert run("costs", "--lines", "--kind", "correction") == "none"
        assert run("costs", "--burn-rates").startswith("FLEET, day: ")

    def test_a_correction(self):
        hold = line("2").hold_id

        said = run("correct_cost", hold, "0.5", "--reason", "invoice")

        assert said == f"hold {hold} is charged 0.5 USD, booked: -1.500000000 USD"
        assert (
            json.loads(run("correct_cost", hold, "1", "--reason", "sure", "--json"))["difference_usd"]
            == "0.5"
        )

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["costs", "--hours", "many"], "hours: "),
            (["costs", "--until", "2026-01-01T00:00:00Z"], "until: expected together with after"),
            (["costs", "--kind", "call"], "--kind: these filters go with --lines"),
            (["costs", "--lines", "--task-type", "x"], "--task-type: not with --lines"),
            (["costs", "--burn-rates", "--worker", "x"], "--worker: --burn-rates tells every budget"),
            (["correct_cost", "hold-id", "1", "--reason", "x"], "'hold-id' is not the id of a hold"),
            (["correct_cost", uuid4(), "much", "--reason", "x"], "'much' is not an amount"),
            (["correct_cost", NOBODYS_ID, "1", "--reason", "x"], "no budget hold has the id"),
            (["correct_cost", NOBODYS_ID, "1", "--reason", " "], "reason: expected"),
            (["correct_cost", NOBODYS_ID, "NaN", "--reason", "x"], "cost_usd: "),
        ],
    )
    def test_what_is_unclear_is_refused_in_one_line(self, arguments: list[object], said: str):
        with pytest.raises(CommandError, match=said) as refusal:
            run(*map(str, arguments))

        assert "\n" not in str(refusal.value)

    def test_the_help_says_what_it_does_and_every_option(self):
        parser = load_command_class("governance", "costs").create_parser("manage.py", "costs")

        assert (parser.description or "").endswith(".")
        assert all(action.help for action in parser._actions)
