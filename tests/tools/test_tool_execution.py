"""A `tool_execution` makes its call once, whatever becomes of the process that makes it."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from governance.access import approvals, tool_executions
from governance.models import Approval, ToolExecution
from governance.tasks import checkpoints
from governance.tasks.waits import WaitKind
from reliability.failures import PermanentFailure, Postponed, TransientFailure
from tests.governance import samples
from workers import tools
from workers.task_types import tool_execution
from workers.tools import registry

KEY = checkpoints.key(1, 1)


def execute(context, name, **arguments):
    payload = tool_execution.ToolExecutionPayload(tool_name=name, arguments=arguments)
    return asyncio.run(tool_execution.execute(payload, context)).answer


def died_under_its_call(context, name):
    """The call went out, and its process died: nobody knows what came of it."""
    call = tool_executions.Call(context.worker_id, name, {}, context.task_id, key=KEY)
    tool_executions.begin(call, rule="permission", within=timedelta(seconds=1))


def waits_for_a_person(postponed):
    wait = postponed.value.wait
    assert wait.kind is WaitKind.APPROVAL
    assert "may it be repeated?" in wait.sentence
    return Approval.objects.get(pk=wait.name).pk


@pytest.fixture
def hook(site):
    return {"method": "POST", "url": site.on("/hook", "taken")}


def test_an_attempt_that_died_after_its_call_does_not_make_it_again(context, site, hook):
    first = execute(context, "http.request", **hook)

    again = execute(context, "http.request", **hook)

    assert (again, len(site.asked)) == (first, 1)
    assert ToolExecution.objects.count() == 1


def test_a_call_that_only_reads_is_made_again_after_a_crash(context, site):
    died_under_its_call(context, "http.get")

    assert execute(context, "http.get", url=site.on("/", "here"))["body"] == "here"


def test_a_call_with_an_effect_outside_waits_for_a_person_after_a_crash(context, site, hook):
    died_under_its_call(context, "http.request")

    with pytest.raises(Postponed) as postponed:
        execute(context, "http.request", **hook)
    assert site.asked == []
    approvals.approve(waits_for_a_person(postponed), actor=samples.SYSTEM)

    assert execute(context, "http.request", **hook)["body"] == "taken"
    assert len(site.asked) == 1


def test_a_person_may_forbid_to_repeat_it(context, site, hook):
    died_under_its_call(context, "http.request")
    with pytest.raises(Postponed) as postponed:
        execute(context, "http.request", **hook)

    approvals.reject(waits_for_a_person(postponed), actor=samples.SYSTEM, reason="it was done")

    with pytest.raises(PermanentFailure, match="a person decided not to repeat it"):
        execute(context, "http.request", **hook)
    assert site.asked == []


def test_a_call_that_its_tool_never_repeats_fails_for_good(context, site, hook, monkeypatch):
    strict = replace(tools.get("http.request"), unknown="fail")
    monkeypatch.setitem(registry._tools, "http.request", strict)
    died_under_its_call(context, "http.request")

    with pytest.raises(PermanentFailure, match=r"nobody knows whether http\.request was carried out"):
        execute(context, "http.request", **hook)

    assert site.asked == []


@pytest.mark.parametrize(("name", "raised"), [("http.request", Postponed), ("http.get", TransientFailure)])
def test_an_answer_that_did_not_come_is_no_reason_to_repeat_what_changes_something(
    context, site, name, raised
):
    url = site.on("/hook", status=502)
    asked = {"url": url} | ({"method": "POST"} if name == "http.request" else {})

    with pytest.raises(raised):
        execute(context, name, **asked)

    assert len(site.asked) == 1


def test_what_is_known_not_to_have_been_carried_out_is_simply_made_again(context, site):
    """The host was busy: it took nothing, and no person needs to be asked."""
    busy = {"method": "POST", "url": site.on("/hook", status=429, retry_after="0")}

    with pytest.raises(Postponed) as postponed:
        execute(context, "http.request", **busy)

    assert postponed.value.wait.kind is WaitKind.BREAKER
    assert KEY not in checkpoints.started_calls(context.task_id)
    assert not Approval.objects.exists()
