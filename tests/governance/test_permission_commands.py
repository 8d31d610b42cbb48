"""`grant`, `revoke` and `approve` at the prompt."""

import io
import json
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command, load_command_class

from governance.access import approvals, permissions, tool_executions
from governance.access.tool_executions import Call
from governance.models import Approval, AuditEntry, ToolPermission
from tests.governance import samples

pytestmark = pytest.mark.django_db


def run(command, *arguments):
    out = io.StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue().strip()


def ask(**options):
    return approvals.require("EXECUTOR", "notify.send", {"to": "ann", "token": "x"}, **options).approval_id


class TestGrant:
    def test_allows_on_the_terms_that_are_named(self):
        said = run(
            "grant", "ANALYST", "x.*", "--per-day", "5", "--per-minute", "0", "--requires-approval",
            "--until", "2099-01-02T03:04Z", "--reason", "as asked",
        )  # fmt: skip

        row = ToolPermission.objects.get(worker_id="ANALYST", tool_name="x.*")
        assert (row.max_calls_per_day, row.max_calls_per_minute, row.requires_approval) == (5, 0, True)
        assert said == (
            "ANALYST is allowed x.*, 5 calls a day, 0 calls a minute, with an approval each time,"
            " until 2099-01-02 03:04 UTC"
        )
        assert AuditEntry.objects.get().reason == "as asked"

    def test_says_when_a_denial_still_wins(self):
        said = run("grant", "ANALYST", "x.*", "--deny"), run("grant", "ANALYST", "x.y")

        assert said[0] == "ANALYST is denied x.*"
        assert said[1].splitlines() == [
            "ANALYST is allowed x.y",
            "but now: permission: ANALYST is denied x.*",
        ]

    def test_for_a_day_ends_tomorrow(self):
        document = json.loads(run("grant", "ANALYST", "x.y", "--for-a-day", "--json"))

        assert document["is_allowed_now"]
        assert document["permission"]["valid_until"]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["NOBODY", "x.y"], "worker_id: unknown worker 'NOBODY'"),
            (["ANALYST", "*"], "tool_name: a name as in"),
            (["ANALYST", "x.y", "--per-day", "-1"], "max_calls_per_day"),
            (["ANALYST", "x.y", "--until", "tomorrow"], "valid_until"),
            (["ANALYST", "x.y", "--for-a-day", "--per-day", "0"], "--for-a-day keeps the terms"),
        ],
    )
    def test_refuses_in_one_line_what_could_not_be_meant(self, arguments, said):
        with pytest.raises(CommandError, match=said):
            run("grant", *arguments)

        assert not AuditEntry.objects.exists()


class TestRevoke:
    def test_forbids_from_the_next_call_on(self):
        said = run("revoke", "ANALYST", "sql.query", "--reason", "leaked")

        assert said.splitlines() == [
            "revoked: allow ANALYST sql.query",
            "now: permission: ANALYST has none for sql.query",
        ]
        assert AuditEntry.objects.get().action == "permission.revoke"

    def test_takes_a_denial_back(self):
        run("grant", "ANALYST", "sql.query", "--deny")

        document = json.loads(run("revoke", "ANALYST", "sql.query", "--denial", "--json"))

        assert document["now"] == "permission: ANALYST is allowed sql.query"
        assert permissions.look("ANALYST", "sql.query").is_allowed

    def test_says_what_is_not_there(self):
        with pytest.raises(CommandError, match=r"no permission says allow ANALYST x\.y"):
            run("revoke", "ANALYST", "x.y")


class TestApprove:
    def test_without_ids_lists_what_waits_without_secrets(self):
        assert run("approve") == "nothing waits for an approval"
        waits = ask(price_usd=Decimal("1.50"))

        said = run("approve")

        shown = 'pending: EXECUTOR notify.send {"to":"ann","token":"[hidden]"}, at most 1.5 USD, until '
        assert said.startswith(f"{waits}  {shown}")
        assert json.loads(run("approve", "--json"))[0]["price_usd"] == "1.5"

    def test_allows_what_is_named(self):
        waits = ask()

        run("approve", waits, "--reason", "fine")

        row = Approval.objects.get(pk=waits)
        assert row.status == "approved"
        assert row.decided_by.startswith("command:")

    def test_refuses_with_a_reason(self):
        waits = ask()

        with pytest.raises(CommandError, match="reason"):
            run("approve", waits, "--reject")
        run("approve", waits, "--reject", "--reason", "no")

        assert Approval.objects.get(pk=waits).status == "rejected"

    @pytest.mark.parametrize("name", [uuid4(), "nonsense"])
    def test_says_what_is_not_there(self, name):
        with pytest.raises(CommandError, match=f"no approval has the id {name}"):
            run("approve", name)

    def test_lists_by_filters(self):
        first, second = ask(), approvals.require("ANALYST", "x.y", {}).approval_id
        approvals.approve(second, actor=samples.SYSTEM)

        assert run("approve", "--worker", "ANALYST") == "nothing waits for an approval"
        assert json.loads(run("approve", "--json"))[0]["id"] == str(first)
        assert run("approve", "--status", "approved").startswith(f"{second}  approved: ANALYST x.y")
        assert run("approve", "--status", "rejected") == "none"

    def test_only_shows_what_it_would_decide(self):
        waits = ask()

        assert run("approve", waits, "--dry-run").startswith(f"{waits}  pending: ")
        assert Approval.objects.get(pk=waits).status == "pending"

    def test_decides_all_that_can_be_decided_and_says_which_could_not(self):
        first, second = ask(), approvals.require("ANALYST", "x.y", {}).approval_id
        approvals.reject(first, actor=samples.SYSTEM, reason="no")

        with pytest.raises(CommandError, match=f"cannot approve approval {first}: it is rejected"):
            run("approve", first, second)

        assert Approval.objects.get(pk=second).status == "approved"

    def test_refuses_ids_with_filters(self):
        with pytest.raises(CommandError, match="one of both"):
            run("approve", ask(), "--worker", "ANALYST")


class TestPermissions:
    def test_are_listed_with_the_calls_that_were_counted(self):
        permissions.grant("ANALYST", "x.y", actor=samples.SYSTEM, max_calls_per_day=5, requires_approval=True)
        permissions.check("ANALYST", "x.y")

        said = run("permissions", "--worker", "ANALYST", "--tool", "x.y")

        by = samples.SYSTEM.name
        assert said == f"allow ANALYST x.y, 1 of 5 calls this day, with an approval each time, by {by}"

    def test_are_listed_as_documents_too(self):
        rows = json.loads(run("permissions", "--effect", "allow", "--limit", "3", "--json"))

        assert [row["effect"] for row in rows] == ["allow"] * 3
        assert run("permissions", "--worker", "NOBODY") == "none"

    def test_say_whether_a_call_would_be_allowed(self):
        assert run("permissions", "--check", "ANALYST", "x.y") == "no: permission: ANALYST has none for x.y"
        assert json.loads(run("permissions", "--check", "ANALYST", "sql.query", "--json"))["is_allowed"]

    @pytest.mark.parametrize(
        ("arguments", "said"), [(["--effect", "maybe"], "effect: "), (["--limit", "0"], "--limit must be 1")]
    )
    def test_refuse_in_one_line_what_could_not_be_meant(self, arguments, said):
        with pytest.raises(CommandError, match=said):
            run("permissions", *arguments)


class TestToolExecutions:
    def test_are_listed_with_their_errors(self):
        call = Call("ANALYST", "http.request", service="example.org")
        tool_executions.refuse(call, rule="breaker", error_message="circuit breaker is open", failed=True)

        said = run("tool_executions", "--error", "CIRCUIT", "--status", "failed")

        assert "failed     ANALYST http.request, example.org, circuit breaker is open" in said
        assert json.loads(run("tool_executions", "--json"))[0]["rule"] == "breaker"
        assert run("tool_executions", "--worker", "EXECUTOR") == "none"

    def test_refuse_in_one_line_what_could_not_be_meant(self):
        with pytest.raises(CommandError, match="task: "):
            run("tool_executions", "--task", "task-id")


class TestSetPrice:
    def test_sets_lists_and_forgets(self):
        assert run("set_price") == "no price is set"

        said = run("set_price", "local", "lab/m", "--input", "1.5", "--output", "6", "--reason", "ours")

        assert said.startswith("lab/m at local: 1.5 USD input, 6 USD output, 0 USD request; by command:")
        assert run("set_price") == said
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.reason) == ("price.set", "ours")
        assert run("set_price", "local", "lab/m", "--remove") == "removed: lab/m at local"
        assert json.loads(run("set_price", "--json")) == []

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["local"], "name the service and the model"),
            (["--remove"], "name the service and the model"),
            (["local", "m"], "input_usd_per_mtok: Field required"),
            (["local", "m", "--input", "-1", "--output", "1"], "input_usd_per_mtok: "),
            (["local", "m", "--input", "dear", "--output", "1"], "input_usd_per_mtok: "),
            (["local", "m", "--remove"], "no price is set for the model 'm' of 'local'"),
            (["local", "m", "--remove", "--input", "1"], "--remove takes no rates"),
        ],
    )
    def test_refuses_in_one_line_what_could_not_be_meant(self, arguments, said):
        with pytest.raises(CommandError, match=said) as refusal:
            run("set_price", *arguments)

        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "command",
    [
        "approve",
        "correct_cost",
        "grant",
        "permissions",
        "revoke",
        "set_budget",
        "set_price",
        "tool_executions",
    ],
)
def test_the_help_says_what_it_does_and_every_option(command):
    parser = load_command_class("governance", command).create_parser("manage.py", command)

    said = parser.format_help()

    assert (parser.description or "").endswith(".")
    assert all(action.help for action in parser._actions), [a.dest for a in parser._actions if not a.help]
    assert "--json" in said
