"""What an operator does with money, rules and services in the console, in a browser."""

import pytest
from playwright.sync_api import expect

from governance.access import approvals, permissions
from governance.models import Approval, ToolPermission, WorkerBudget
from reliability.breakers.models import CircuitBreaker
from tests.fleet import enlist
from tests.governance.console import SEED
from tests.governance.gates_console import (
    APPROVALS,
    AUDIT,
    BREAKERS,
    BUDGETS,
    PERMISSIONS,
    RULER,
)

pytestmark = [pytest.mark.console, pytest.mark.slow]


@pytest.fixture
def rules(open_page):
    enlist()
    CircuitBreaker.objects.create(name="openrouter", state="open")
    permissions.grant("ANALYST", "mail.send", actor=SEED, valid_until="2100-01-01T00:00:00Z")
    ToolPermission.objects.filter(tool_name="mail.send").update(valid_until="2020-01-01T00:00:00Z")
    return approvals.require("ANALYST", "mail.send", {"text": "x" * 300}).approval_id


def confirm(page, button):
    page.get_by_label("Reason").fill("the night shift")
    page.get_by_role("button", name=button, exact=True).click()


def test_an_operator_halves_grants_approves_resets_and_reads_the_audit(open_page, rules):
    page = open_page(*RULER)

    page.goto(f"{BUDGETS}ANALYST/halve/")
    confirm(page, "Halve limits")
    expect(page.get_by_text("Halved the limits of ANALYST.")).to_be_visible()
    row = ToolPermission.objects.get(tool_name="mail.send")
    page.goto(f"{PERMISSIONS}{row.pk}/day/")
    confirm(page, "Allow for a day")
    expect(page.get_by_text("Allowed until this time tomorrow")).to_be_visible()
    page.goto(f"{APPROVALS}{rules}/approve/")
    confirm(page, "Approve")
    expect(page.get_by_text("Approved 1 call.")).to_be_visible()
    page.goto(f"{BREAKERS}openrouter/reset/")
    confirm(page, "Reset")
    expect(page.get_by_text("Reset: openrouter.")).to_be_visible()

    page.goto(AUDIT)
    for change in ("budget.halve_limits", "permission.grant_for_a_day", "approval.approve"):
        expect(page.locator("#result_list")).to_contain_text(change)
    assert WorkerBudget.objects.get(pk="ANALYST").daily_limit == 5
    assert Approval.objects.get(pk=rules).status == "approved"
