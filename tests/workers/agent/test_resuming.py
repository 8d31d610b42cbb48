"""An agent goes on where it was: what it has finished is neither paid for nor done again."""

from datetime import timedelta
from uuid import UUID

import pytest

from governance.access import approvals, tool_executions
from governance.models import Approval, Task, TaskStep, ToolExecution
from governance.tasks import checkpoints
from governance.tasks.waits import WaitKind
from reliability.failures import PermanentFailure, Postponed, TransientFailure
from tests.door import grant, running_task
from tests.governance import samples
from tests.workers.agent.counting import asked_of, calling, kept, made, says, text, work
from tests.workers.models import holds, ledger

pytestmark = pytest.mark.usefixtures("counting_tools")


def test_who_goes_on_pays_for_nothing_twice(context, provider):
    says(provider, calling("count_ask", of="a"), calling("count_ask", of="b"), text("Two."))
    provider.tell(faults=[{"kind": "status", "status": 500, "from_call": 3, "times": 1}])

    with pytest.raises(TransientFailure):
        work(context)
    assert work(context).answer == "Two."

    assert made == ["a", "b"]
    assert len(provider.received()) == 4
    assert [source for source, _ in ledger()].count("provider") == 3


def test_who_gets_on_is_forgiven_the_crashes_before(context, provider):
    """Three in a row would end the task; three in its life do not."""
    Task.objects.filter(pk=context.task_id).update(attempts=3, crash_attempts=2)
    context.crash_attempts = 2
    says(provider, text("Seven."))

    work(context)

    assert Task.objects.get(pk=context.task_id).crash_attempts == context.crash_attempts == 0


def test_a_step_and_its_booking_are_one(context, provider):
    says(provider, calling("count_ask"), text("One."))

    work(context)

    assert holds() == ["settled", "settled"]
    booked = dict(TaskStep.objects.filter(kind="answer").values_list("execution_id", "cost_usd"))
    assert booked == dict(ToolExecution.objects.filter(tool_name="model.chat").values_list("pk", "cost_usd"))


def test_who_lost_the_task_keeps_nothing_and_stops(context, provider):
    says(provider, text("Seven."))
    taken = running_task()
    taken.lease_token -= 1

    with pytest.raises(Exception, match="taken from this worker"):
        work(taken)

    assert kept(taken) == []
    assert provider.received() == []


# ------------------------------------------------------------------------- calls that nobody came back from


def died_under_its_call(context, provider, policy):
    """The model asked for one call, it went out, and the process died: no step tells what came of it."""
    says(provider, calling(f"count_{policy}", of="x"), text("Done."))
    with pytest.raises(PermanentFailure):
        work(context, limits={"turns": 1})
    call = tool_executions.Call(
        context.worker_id, f"count.{policy}", {}, context.task_id, key=checkpoints.key(1, 1)
    )
    tool_executions.begin(call, rule="permission", within=timedelta(seconds=1))


def test_what_can_be_repeated_is(context, provider):
    died_under_its_call(context, provider, "retry")

    assert work(context).answer == "Done."

    assert made == ["x"]


def test_what_must_not_be_repeated_fails_the_task_and_is_told_to_the_model_of_who_retries_it(
    context, provider
):
    died_under_its_call(context, provider, "fail")

    with pytest.raises(PermanentFailure, match=r"nobody knows whether count\.fail was"):
        work(context)
    assert work(context).answer == "Done."

    assert made == []
    *_, last = asked_of(provider)
    assert "nobody knows whether count.fail was carried out (turn 1 call 1)" in last[-1]["content"]


def waits_for_a_person(context):
    with pytest.raises(Postponed) as postponed:
        work(context)
    wait = postponed.value.wait
    assert wait.kind is WaitKind.APPROVAL
    assert "may it be repeated?" in wait.sentence
    return Approval.objects.get(pk=wait.name)


def test_a_person_may_have_it_repeated(context, provider):
    died_under_its_call(context, provider, "ask")
    question = waits_for_a_person(context)
    assert question.arguments == {"repeat": "turn 1 call 1", "arguments": {"of": "x"}}

    approvals.approve(question.pk, actor=samples.SYSTEM)

    assert work(context).answer == "Done."
    assert made == ["x"]


def test_a_person_may_forbid_to_repeat_it(context, provider):
    died_under_its_call(context, provider, "ask")

    approvals.reject(waits_for_a_person(context).pk, actor=samples.SYSTEM, reason="it was done")

    assert work(context).answer == "Done."
    assert made == []
    *_, last = asked_of(provider)
    assert "a person decided not to repeat it" in last[-1]["content"]


# ------------------------------------------------------------------------------------------------ waiting


def test_it_waits_for_an_approval_and_goes_on_where_it_was(context, provider):
    grant("count.ask", requires_approval=True)
    says(provider, calling("count_retry", "count_ask", of="x"), text("Done."))

    with pytest.raises(Postponed) as postponed:
        work(context)
    assert made == ["x"]
    approvals.approve(UUID(postponed.value.wait.name), actor=samples.SYSTEM)

    assert work(context).answer == "Done."
    assert made == ["x", "x"]
    assert len(provider.received()) == 2


def test_a_rejected_call_is_told_to_the_model(context, provider):
    grant("count.ask", requires_approval=True)
    says(provider, calling("count_ask"), text("Then not."))
    with pytest.raises(Postponed) as postponed:
        work(context)

    approvals.reject(UUID(postponed.value.wait.name), actor=samples.SYSTEM, reason="too many")

    assert work(context).answer == "Then not."
    *_, last = asked_of(provider)
    assert "too many" in last[-1]["content"]
