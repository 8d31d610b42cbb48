"""Why may this call be made, or not: said without counting anything."""

import json
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from governance.models import PermissionUse, ToolExecution, Worker
from reliability.door import explain
from tests.door import TOOL, WORKER, grant, holds, open_breaker
from tests.governance.budgets import allow


def refusing(found):
    return [finding.gate for finding in found if not finding.lets_through]


def test_a_call_that_may_be_made():
    assert refusing(explain.call(WORKER, TOOL)) == []


def test_every_gate_that_would_refuse_is_named_in_order():
    name = f"service-{uuid4().hex}"
    open_breaker(name)
    Worker.objects.filter(pk=WORKER).update(status="paused")
    grant(requires_approval=True, max_calls_per_day=1)
    allow(WORKER, daily_limit="0.005")

    found = explain.call(WORKER, TOOL, service=name, cost_usd=Decimal("0.01"))

    assert refusing(found) == ["pause", "approval", "budget", "breaker"]
    assert holds() == []
    assert not PermissionUse.objects.exists()
    assert not ToolExecution.objects.exists()


def test_the_command_says_it(capsys):
    call_command("why", WORKER, "else.where")
    call_command("why", WORKER, TOOL, "--json")

    said, document = capsys.readouterr().out.rsplit("\n[", 1)
    assert f"NO   permission: permission: {WORKER} has none for else.where" in said
    assert json.loads(f"[{document}")[0]["gate"] == "pause"
    with pytest.raises(CommandError, match="not an amount"):
        call_command("why", WORKER, TOOL, "--cost", "much")
