"""The order of the gates, and what is given back: a call that is refused leaves no trace but its row."""

import logging

import pytest
from django.db import OperationalError

from governance.access import approvals, rate_limits
from governance.models import Approval, PermissionUse
from reliability import breakers
from reliability.breakers import client as gate
from reliability.breakers import status
from reliability.calls import admission, gates, settlement
from reliability.calls.context import CallContext
from reliability.calls.gates import GATES
from reliability.failures import Postponed, TransientFailure
from reliability.rate_limits import windows
from tests.door import CENT, TOOL, ask, call, executions, grant, holds, open_breaker
from tests.governance.samples import SYSTEM

pytestmark = pytest.mark.slow

ORDER = ["pause", "permission", "approval", "rate limit", "budget", "breaker", "deadline", "record"]


WINDOW = f"{{rate}}:{TOOL}"


def counted():
    return gate.of_process().shared.redis.client


class Recording:
    """A gate that says when it is entered and undone."""

    def __init__(self, gate, said):
        self.name, self._gate, self._said = gate.name, gate, said

    def enter(self, call):
        self._said.append(f"enter {self.name}")
        self._gate.enter(call)

    def undo(self, call):
        self._said.append(f"undo {self.name}")
        self._gate.undo(call)


class Broken:
    """A gate that refuses, or that cannot be undone."""

    def __init__(self, gate, error, *, at):
        self.name, self._gate, self._error, self._at = gate.name, gate, error, at

    def enter(self, call):
        self._gate.enter(call)
        if self._at == "enter":
            raise self._error

    def undo(self, call):
        self._gate.undo(call)
        if self._at == "undo":
            raise self._error


@pytest.fixture
def everything(context, monkeypatch):
    """Quotas, an approval, a rate limit, a budget and breakers stand in the way of the test's call."""
    monkeypatch.setattr(windows, "FRESH_SECONDS", 0.0)
    grant(requires_approval=True, max_calls_per_day=5, max_calls_per_minute=5)
    asked = ask(cost=CENT, breakers=("one", "two"))
    with pytest.raises(Postponed):
        call(context, asked, is_async=False)
    approvals.approve(Approval.objects.get().id, actor=SYSTEM)
    rate_limits.set_limit(TOOL, max_calls=5, actor=SYSTEM)
    counted().delete(WINDOW)  # Redis has not forgotten the test before
    return asked


def left_over(call):
    """What is still taken, in the books as well as in the call."""
    uses = sum(PermissionUse.objects.values_list("calls", flat=True))
    probes = sum(found["probes_under_way"] or 0 for found in status.of_all().values())
    return {
        "quota": uses,
        "rate": counted().zcard(WINDOW),
        "approvals": Approval.objects.filter(status="used").count(),
        "holds": holds().count("open"),
        "probes": probes,
        "permits": len(call.permits),
    }


NOTHING = {"quota": 0, "rate": 0, "approvals": 0, "holds": 0, "probes": 0, "permits": 0}


def test_the_gates_stand_in_this_order():
    assert [one.name for one in GATES] == ORDER


def test_they_are_entered_in_order(context, everything):
    said: list[str] = []

    admission.admit(CallContext(context, everything), [Recording(one, said) for one in GATES])

    assert said == [f"enter {name}" for name in ORDER]


@pytest.mark.parametrize("at", range(len(ORDER)), ids=ORDER)
def test_whatever_refuses_the_others_are_undone_in_reverse(context, everything, at):
    said: list[str] = []
    refusing = [
        Recording(Broken(one, OperationalError("gone"), at="enter") if n == at else one, said)
        for n, one in enumerate(GATES)
    ]
    made = CallContext(context, everything)

    with pytest.raises(TransientFailure, match="gone"):
        admission.admit(made, refusing)

    entered = [name for name in said if name.startswith("enter")]
    undone = said[len(entered) :]
    # The first gate changes nothing, so it is asked once more on a new connection.
    assert list(dict.fromkeys(entered)) == [f"enter {name}" for name in ORDER[: at + 1]]
    assert undone == [f"undo {name}" for name in reversed(ORDER[: at + 1])]
    assert left_over(made) == NOTHING
    assert [row[0] for row in executions()].count("succeeded") == 0


@pytest.mark.parametrize("at", range(len(ORDER)), ids=ORDER)
def test_an_undo_that_fails_keeps_no_other_from_being_tried(context, everything, at, caplog):
    said: list[str] = []
    failing = [
        Recording(Broken(one, OperationalError("gone"), at="undo") if n == at else one, said)
        for n, one in enumerate(GATES)
    ]
    made = CallContext(context, everything)
    admission.admit(made, failing)

    with caplog.at_level(logging.ERROR):
        admission.roll_back(made, failing)

    undone = list(dict.fromkeys(name for name in said if name.startswith("undo")))
    assert undone == [f"undo {name}" for name in reversed(ORDER)]
    assert f"the {ORDER[at]} gate of task {context.task_id} could not be undone" in caplog.text
    assert left_over(made) == NOTHING


def test_the_first_of_two_breakers_gets_its_permit_back(context, everything, monkeypatch):
    told = []
    record = breakers.record

    def remember(permit, outcome):
        told.append((permit.name, outcome.kind))
        record(permit, outcome)

    monkeypatch.setattr(breakers, "record", remember)
    open_breaker("two")

    with pytest.raises(Postponed):
        call(context, everything, is_async=False)

    assert told == [("one", "not_counted")]


def test_a_call_that_never_went_out_ends_its_record(context):
    made = CallContext(context, ask())
    admission.admit(made)

    admission.roll_back(made)

    assert executions()[0][::2] == ("failed", "stopped before it was sent")


def test_the_hold_outlives_the_time_that_its_booking_may_take():
    assert gates.REPORT_SECONDS > settlement.BOOK_SECONDS + 30
