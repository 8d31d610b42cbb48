"""A call reaches the tool that the model was offered, whatever other tools are called."""

import pytest
from pydantic import BaseModel

from reliability.failures import PermanentFailure
from tests.door import grant
from tests.workers.agent.counting import calling, says, text, work
from workers import tools

pytestmark = pytest.mark.usefixtures("counting_tools")


class Person(BaseModel):
    """Who is deleted."""

    of: str


@pytest.fixture
def called():
    """Tool and argument of each call."""
    return []


@pytest.fixture
def register(called):
    """Register a tool of this name that keeps what it is called with; the worker may call it."""

    def registering(name):
        grant(name)

        @tools.register(name, schema=Person, seconds=10, effect="inside", on_unknown="retry")
        def delete(arguments, permit):
            """Delete somebody."""
            called.append((name, arguments.of))
            return "deleted"

    return registering


def test_a_call_reaches_the_tool_that_was_offered_under_its_name(context, provider, register, called):
    register("crm.user_delete")
    register("crm_user.delete")
    names = tools.model_names()
    first, second = names["crm_user.delete"], names["crm.user_delete"]
    says(provider, calling(first, of="a"), calling(second, of="b"), text("Both."))

    assert work(context).answer == "Both."

    assert called == [("crm_user.delete", "a"), ("crm.user_delete", "b")]
    offered = [tool["function"]["name"] for tool in provider.received()[0]["body"]["tools"]]
    assert {first, second} <= set(offered)
    assert len(set(offered)) == len(offered)


def test_a_name_of_two_tools_is_that_of_none(context, provider, register, called):
    register("crm.user_delete")
    register("crm_user.delete")
    says(provider, calling("crm_user_delete", of="a"), text("Then not."))

    assert work(context).answer == "Then not."

    assert called == []
    [*_, last] = provider.received()[-1]["body"]["messages"]
    assert last["content"].startswith("error: no tool 'crm_user_delete' is offered; there are: ")


def test_a_call_that_waits_reaches_its_tool_although_its_name_is_shared_by_now(
    context, provider, register, called
):
    register("crm.user_delete")
    says(provider, calling("crm_user_delete", of="a"), text("Gone."))
    with pytest.raises(PermanentFailure, match=r"\(turns\)"):
        work(context, limits={"turns": 1})
    register("crm_user.delete")

    assert work(context).answer == "Gone."

    assert called == [("crm.user_delete", "a")]


def test_a_tool_with_a_long_name_is_called(context, provider, register, called):
    name = "a_long_name." * 10 + "delete"
    register(name)
    [(known, _)] = [(k, n) for n, k in tools.model_names().items() if n == name]
    says(provider, calling(known, of="a"), text("Gone."))

    assert work(context).answer == "Gone."

    assert called == [(name, "a")]
    assert len(known) == 64
