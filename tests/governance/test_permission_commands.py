"""`grant`, `revoke` and `approve` at the prompt."""

import io
import json
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from governance import approvals, permissions
from governance.models import Approval, AuditEntry, ToolPermission

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
