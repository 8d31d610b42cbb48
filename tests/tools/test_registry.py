"""Tools: registered by name, described to models, called in one way only."""

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from governance.access import permissions
from governance.models import ToolExecution
from reliability.calls import PermitUsed
from reliability.failures import Denied, PermanentFailure, TransientFailure
from tests.door import running_as
from tests.governance import samples
from tests.tools.calls import call, last
from workers import tools
from workers.tools import registry


class Words(BaseModel):
    word: str
    times: int = 1


@pytest.fixture
def tool(monkeypatch, behind_the_door):
    """`tool(run, **facts)` registers a tool `test.echo` that EXECUTOR may call, for one test."""
    monkeypatch.setattr(registry, "_tools", dict(registry._tools))
    permissions.grant("EXECUTOR", "test.*", actor=samples.SYSTEM)

    def register(run, **facts):
        known: dict[str, Any] = {"schema": Words, "seconds": 5.0, "effect": "none", "on_unknown": "retry"}
        tools.register("test.echo", **(known | facts))(run)

    return register


def echo(arguments, permit):
    """Say it."""
    return {"said": arguments.word * arguments.times}


async def echo_soon(arguments, permit):
    """Say it."""
    await asyncio.sleep(0)
    return echo(arguments, permit)


@pytest.mark.parametrize("run", [echo, echo_soon])
@pytest.mark.parametrize("is_async", [True, False])
def test_a_tool_is_called_through_the_door_and_answers(context, tool, run, is_async):
    tool(run)

    if is_async:
        answer = call(context, "test.echo", word="ha", times=2)
    else:
        answer = tools.call_sync(context, "test.echo", {"word": "ha", "times": 2})

    assert answer == {"said": "haha"}
    assert (last().status, last().tool_name, last().arguments) == (
        "succeeded", "test.echo", {"word": "ha", "times": 2},
    )  # fmt: skip
    assert last().task_id == context.task_id


def test_a_tool_cannot_be_called_without_permission(tool):
    tool(echo)

    with pytest.raises(Denied) as denied:
        call(running_as("ANALYST"), "test.echo", word="ha")

    assert denied.value.tool_name == "test.echo"
    assert last().status == "refused"


def test_an_unknown_tool_is_an_error_that_lists_the_known_ones(context):
    with pytest.raises(tools.UnknownTool, match=r"'test.nothing'.*http.request") as unknown:
        call(context, "test.nothing")

    assert isinstance(unknown.value, PermanentFailure)
    assert unknown.value.tool_name == "test.nothing"


def test_wrong_arguments_are_named_and_nothing_is_sent(context, tool):
    tool(echo)

    with pytest.raises(tools.InvalidArguments, match=r"arguments\.word: .*arguments\.times: ") as wrong:
        call(context, "test.echo", word=5, times="often")

    assert wrong.value.tool_name == "test.echo"
    assert not ToolExecution.objects.exists()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"big": "x" * 200_000}, "at most 196608"),
        ({"not": {1, 2}}, "not JSON"),
        ({"nul": "a\x00b"}, "U+0000"),
        ({"endless": float("inf")}, "finite"),
    ],
    ids=["big", "set", "nul", "inf"],
)
def test_an_answer_that_cannot_be_kept_fails_for_good(context, tool, answer, said):
    def run(arguments, permit):
        """Answer badly."""
        return answer

    tool(run)

    with pytest.raises(PermanentFailure, match=said.replace("+", r"\+")):
        call(context, "test.echo", word="x")

    assert last().status == "failed"


@pytest.mark.parametrize("kind", [PermanentFailure, TransientFailure])
def test_a_failure_names_the_tool_and_its_service(context, tool, kind):
    def run(arguments, permit):
        """Fail."""
        raise kind("no way")

    tool(run, target=lambda asked: tools.Target(service="somewhere"))

    with pytest.raises(kind, match="no way") as failure:
        call(context, "test.echo", word="x")

    assert (failure.value.tool_name, failure.value.service) == ("test.echo", "somewhere")
    assert (last().status, last().error_message, last().service) == ("failed", "no way", "somewhere")


def test_leave_for_one_call_is_for_one_call(context, tool):
    def run(arguments, permit):
        """Try to call twice."""
        permit.use()

    tool(run)

    with pytest.raises(PermitUsed):
        call(context, "test.echo", word="x")


def test_an_async_tool_that_takes_too_long_ends_in_a_plain_task_type_too(context, tool):
    async def run(arguments, permit):
        """Sleep."""
        await asyncio.sleep(60)

    tool(run, seconds=0.2)

    with pytest.raises(TransientFailure, match=r"within 0\.2"):
        tools.call_sync(context, "test.echo", {"word": "x"})


def test_a_tool_without_words_for_models_is_refused(tool):
    with pytest.raises(ValueError, match="docstring"):
        tool(lambda arguments, permit: None)


def test_a_name_can_be_taken_once(tool):
    tool(echo)

    with pytest.raises(ValueError, match=r"two modules register .http\.request."):
        tools.register("http.request", schema=Words, seconds=1, effect="none", on_unknown="fail")(echo)


def test_every_shipped_tool_describes_itself_and_says_what_to_do_after_a_crash():
    for tool in tools.known():
        told = tool.describe()
        assert told["name"] == tool.name
        assert len(told["description"]) > 20
        assert told["parameters"]["type"] == "object"
        assert tool.seconds > 0
        assert tool.effect in {"none", "inside", "outside"}


def test_only_what_can_be_sent_again_is_sent_again_after_a_crash():
    request = tools.get("http.request")

    assert request.on_unknown(request.parse({"url": "http://a.example/"})) == "retry"
    assert request.on_unknown(request.parse({"url": "http://a.example/", "method": "POST"})) == "ask"
    assert tools.get("notify.send").on_unknown(None) == "ask"
    assert tools.get("tasks.create").on_unknown(None) == "retry"


@pytest.mark.parametrize(
    ("worker_id", "offered"),
    [
        (
            "EXECUTOR",
            "files.delete files.list files.read files.write http.get http.request notify.send sql.query"
            " tasks.create",
        ),
        ("ANALYST", "http.get sql.query"),
        ("STRATEGIST", "sql.query tasks.create"),
        ("ORCHESTRATOR", "notify.send tasks.create"),
    ],
)
@pytest.mark.usefixtures("behind_the_door")
def test_a_worker_is_offered_what_it_may_call(worker_id, offered):
    assert [tool.name for tool in tools.offered_to(worker_id)] == offered.split()
