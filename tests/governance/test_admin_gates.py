"""Approvals, calls, ledger, holds, prices and the audit log in the console."""

from decimal import Decimal

import pytest

from governance import budgets
from governance.access import approvals, tool_executions
from governance.models import Approval, CostLine, ModelPrice
from tests.governance.budgets import allow, lines, reserve, spend
from tests.governance.console import person, submit
from tests.governance.gates_console import (
    APPROVALS,
    AUDIT,
    BREAKERS,
    BUDGETS,
    CALLS,
    HOLDS,
    LINES,
    PERMISSIONS,
    PRICES,
    RULER,
    VIEWER,
    chosen,
    do,
    page,
    text,
    told,
)

pytestmark = pytest.mark.django_db
LISTS = (APPROVALS, AUDIT, BREAKERS, BUDGETS, CALLS, HOLDS, LINES, PERMISSIONS, PRICES)


@pytest.fixture
def ruler(client):
    client.force_login(person(*RULER))
    return client


@pytest.fixture
def question(db):
    arguments = {"to": "ops", "api_key": "sk-abcdefghijklmnopqrstuv"}
    return approvals.require("ANALYST", "mail.send", arguments, price_usd=Decimal("0.25")).approval_id


@pytest.mark.parametrize("address", LISTS)
def test_each_list_opens_for_viewers_alone(client, address):
    client.force_login(person())
    assert client.get(address).status_code == 403

    client.force_login(person(*VIEWER))
    assert client.get(address).status_code == 200


@pytest.mark.parametrize(("verb", "ends"), [("approve", "approved"), ("reject", "rejected")])
def test_chosen_calls_are_decided_with_a_reason_once(ruler, question, verb, ends):
    shown = page(ruler, APPROVALS)
    assert "mail.send" in shown
    assert "sk-abcdefghijklmnop" not in shown

    sent = chosen(f"{verb}_chosen", question) | {"confirmed": "1", "reason": "checked"}
    first, again = ruler.post(APPROVALS, sent), ruler.post(f"{APPROVALS}?status=all", sent)

    assert told(first).startswith(f"{ends.capitalize()} 1 call.")
    assert f"Skipped 1: 1 {ends}." in told(again)
    decided = Approval.objects.get(pk=question)
    assert (decided.status, decided.reason) == (ends, "checked")


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_who_may_only_look_decides_nothing(client, question, verb):
    client.force_login(person(*VIEWER))

    assert f"/{question}/{verb}/" not in page(client, f"{APPROVALS}{question}/change/")
    refused = client.post(f"{APPROVALS}{question}/{verb}/", {"confirmed": "1", "reason": "x"})

    assert refused.status_code == 403
    assert Approval.objects.get(pk=question).status == "pending"


def test_a_price_is_set_and_removed(ruler):
    rates = {"input_usd_per_mtok": "2", "output_usd_per_mtok": "8.5"}
    do(ruler, f"{PRICES}set/", service="acme", model="new", **rates)
    assert "$8.50" in text(page(ruler, PRICES))

    do(ruler, f"{PRICES}remove/?service=acme&model=new", service="acme", model="new")

    assert not ModelPrice.objects.exists()


def test_a_task_s_page_shows_its_calls_and_approvals(ruler):
    task_id = submit()
    call = tool_executions.Call("ANALYST", "mail.send", {}, task_id)
    tool_executions.refuse(call, rule="permission: none", error_message="denied to all")
    approvals.require("ANALYST", "files.write", {}, task_id=task_id)

    shown = text(page(ruler, f"/admin/governance/task/{task_id}/change/"))

    assert "denied to all" in shown
    assert "files.write" in shown
    assert "nothing is booked" in shown


@pytest.mark.django_db(transaction=True)
def test_a_call_is_corrected_by_a_new_line_and_an_open_hold_is_not(client, fleet):
    client.force_login(person(*RULER))
    allow(daily_limit="10")
    hold, still_open = spend("4"), reserve("1")

    done = do(client, f"{HOLDS}{hold.pk}/correct/", cost_usd="1.5", reason="a refund")

    assert done.status_code == 302
    assert [usd for _, _, usd in lines(hold)] == [4, Decimal("-2.5")]
    assert "/correct/" not in page(client, f"{HOLDS}{still_open.id}/change/")
    line = CostLine.objects.filter(hold_id=hold.pk).first()
    assert client.get(f"{LINES}{line.pk}/correct/").url == f"{HOLDS}{hold.pk}/correct/"
    assert budgets.discrepancies() == []
