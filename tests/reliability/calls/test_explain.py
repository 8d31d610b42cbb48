"""Why may this call be made, or not: said without counting anything."""

import json
from dataclasses import asdict
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from governance.access import permissions
from governance.errors import InvalidInput
from governance.models import PermissionUse, ToolExecution, ToolPermission, Worker
from reliability import breakers
from reliability.breakers import status
from reliability.breakers.models import CircuitBreaker
from reliability.calls import explain
from tests.door import TOOL, WORKER, grant, holds, open_breaker
from tests.governance import samples
from tests.governance.api_client import Api, client_of, make_user, of_role
from tests.governance.budgets import allow
from tests.governance.console import person
from tests.polling import until


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


def test_a_full_quota_refuses_and_is_not_counted():
    grant(max_calls_per_day=2, max_calls_per_minute=100)
    permissions.check(WORKER, TOOL)

    [before] = [found for found in explain.call(WORKER, TOOL) if found.gate == "permission"]
    permissions.check(WORKER, TOOL)
    [after] = [found for found in explain.call(WORKER, TOOL) if found.gate == "permission"]

    assert before.lets_through
    assert before.rule.endswith("calls left: 1 this day, 99 this minute")
    assert not after.lets_through
    assert after.rule.endswith("calls left: 0 this day, 98 this minute")


def test_a_breaker_that_has_given_out_its_probes_refuses():
    name = f"service-{uuid4().hex}"
    CircuitBreaker.objects.create(name=name, failure_threshold=1, reset_timeout=0.1, half_open_probes=1)
    breakers.record(breakers.acquire(name), breakers.FAILURE)
    until(
        lambda: status.of_all([name])[name]["next_probe_at"] <= timezone.now(), timeout=5, what="a probe due"
    )
    assert refusing(explain.call(WORKER, TOOL, service=name)) == []

    breakers.acquire(name)

    assert refusing(explain.call(WORKER, TOOL, service=name)) == ["breaker"]


def test_a_worker_that_is_not_there_is_an_error():
    with pytest.raises(InvalidInput, match="unknown worker 'NOBODY'; expected one of: ANALYST"):
        explain.asked("NOBODY", TOOL, actor=samples.SYSTEM)
    with pytest.raises(InvalidInput, match="-1 is not an amount"):
        explain.asked(WORKER, TOOL, actor=samples.SYSTEM, cost_usd=Decimal(-1))


def test_the_api_says_the_same():
    grant(max_calls_per_day=5)
    client = of_role("viewer")

    said = client.get("gates", worker=WORKER, tool=TOOL, cost_usd="0.01")
    refused = client.get("gates", worker=WORKER, tool="else.where").json()

    assert said.status_code == 200, said.content
    expected = [asdict(found) for found in explain.call(WORKER, TOOL, cost_usd=Decimal("0.01"))]
    assert said.json() == {"is_allowed": True, "gates": expected}
    assert not refused["is_allowed"]
    assert client.get("gates", worker="NOBODY", tool=TOOL).status_code == 400
    assert client.get("gates", worker=WORKER).json()["errors"][0]["field"] == "tool"
    assert client_of(make_user("stranger")).get("gates", worker=WORKER, tool=TOOL).status_code == 403
    assert Api().get("gates", worker=WORKER, tool=TOOL).status_code in {401, 403}


def test_the_page_of_a_permission_says_the_same(client):
    grant(max_calls_per_day=5)
    client.force_login(person("view_toolpermission"))
    row = ToolPermission.objects.get(worker_id=WORKER, tool_name=TOOL)

    html = client.get(f"/admin/governance/toolpermission/{row.pk}/change/").content.decode()

    for found in explain.call(WORKER, TOOL):
        assert f"<strong>yes</strong> {found.gate}: {found.rule}" in html


def test_the_command_says_it(capsys):
    call_command("why", WORKER, "else.where")
    call_command("why", WORKER, TOOL, "--json")

    said, document = capsys.readouterr().out.rsplit("\n[", 1)
    assert f"NO   permission: permission: {WORKER} has none for else.where" in said
    assert json.loads(f"[{document}")[0]["gate"] == "pause"
    with pytest.raises(CommandError, match="not an amount"):
        call_command("why", WORKER, TOOL, "--cost", "much")
