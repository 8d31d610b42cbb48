"""Cancelled calls, a database that goes away at every step, a Redis that dies: nothing is left open."""

import asyncio
import logging
import threading
from datetime import timedelta
from uuid import uuid4

import psycopg2
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from governance import budgets
from governance.access import permissions, tool_executions
from governance.models import BudgetHold, PermissionUse
from juggernaut.embedded.redis import Redis
from reliability import calls as reliability_calls
from reliability.breakers import client as gate
from reliability.breakers import status
from reliability.calls import admission, settlement
from reliability.calls import threads as pool
from reliability.calls.context import CallContext
from reliability.calls.gates import GATES
from reliability.failures import TransientFailure
from tests.door import CENT, answer, ask, call, executions, grant, holds
from tests.governance.budgets import assert_sound, sql

pytestmark = pytest.mark.slow

NAMES = [one.name for one in GATES]


def break_connection():
    """The server ends this thread's session, as a restart does."""
    if connection.connection is None:
        connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    somebody = psycopg2.connect(**connection.get_connection_params())
    try:
        with somebody.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    finally:
        somebody.close()


class Cut:
    """A gate at which the connection is broken."""

    def __init__(self, gate, *, when):
        self.name, self._gate, self._when = gate.name, gate, when

    def enter(self, call):
        if self._when == "before":
            self._when = ""
            break_connection()
        self._gate.enter(call)
        if self._when == "after":
            break_connection()

    def undo(self, call):
        self._gate.undo(call)


@pytest.fixture
def name():
    return f"service-{uuid4().hex}"


@pytest.fixture
def away(monkeypatch):
    """Call it, and PostgreSQL is gone for new connections, too, until `undo`."""

    def go():
        break_connection()
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "PORT", "1")

    return go


# The first gate is asked again on a new connection; behind the last one nobody asks.
GOES_ON = {(0, "before"), (len(GATES) - 1, "after")}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(len(GATES)), ids=NAMES)
def test_a_connection_that_breaks_at_a_gate_lets_nothing_out_and_holds_nothing(context, name, at, when):
    grant(max_calls_per_day=5)
    made = CallContext(context, ask(cost=CENT, breakers=(name,)))
    gates = [Cut(one, when=when) if n == at else one for n, one in enumerate(GATES)]

    if (at, when) in GOES_ON:
        admission.admit(made, gates)
        admission.roll_back(made)
        assert "open" not in holds()
        return
    with pytest.raises(TransientFailure, match="database connection failed"):
        admission.admit(made, gates)
    assert made.permits == {}
    assert "open" not in holds()
    assert sum(PermissionUse.objects.values_list("calls", flat=True)) == 0
    assert [row[:2] for row in executions()] == [("failed", "database: no answer, no call")]


def test_without_a_database_there_is_no_call(context, is_async, away, monkeypatch, caplog):
    away()

    def never(permit):
        raise AssertionError("the call went out")

    with caplog.at_level(logging.ERROR), pytest.raises(TransientFailure, match="database connection failed"):
        call(context, ask(), is_async=is_async, send=never)

    assert "could not be recorded" in caplog.text
    monkeypatch.undo()
    assert executions() == []


def test_a_connection_that_breaks_during_the_call_costs_nothing(context):
    def send(permit):
        break_connection()
        return answer("0.004")

    call(context, ask(cost=CENT), is_async=False, send=send)

    assert holds() == ["settled"]
    assert executions()[0][0] == "succeeded"
    assert_sound()


def test_an_answer_outlives_a_database_that_stays_away_and_is_charged_later(
    context, is_async, away, monkeypatch, caplog
):
    monkeypatch.setattr(settlement, "BOOK_SECONDS", 0.3)
    monkeypatch.setattr(settlement, "AGAIN_SECONDS", 0.1)

    def send(permit):
        break_all()
        away()
        return answer("0.004")

    def break_all():
        sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    if is_async:  # the port is that of another thread's settings
        monkeypatch.setattr("reliability.calls.settlement._write", _no_database)
        answered = call(context, ask(cost=CENT), is_async=True, send=lambda permit: answer("0.004"))
    else:
        answered = call(context, ask(cost=CENT), is_async=False, send=send)
    assert answered.value == "fine"
    assert "was not booked" in caplog.text
    monkeypatch.undo()
    assert holds() == ["open"]

    later = timezone.now() + timedelta(minutes=10)
    budgets.expire_holds(at=later)
    assert tool_executions.give_up_lost(later) == 1

    assert holds() == ["expired"]
    assert BudgetHold.objects.get().charged_usd == CENT.usd
    assert "outcome unknown" in executions()[0][2]
    assert_sound()


def _no_database(call, ending):
    raise OperationalError("server closed the connection unexpectedly")


# ------------------------------------------------------------------------------------------ cancelled


def cancelled(context, asked, *, when):
    """Make the call, and cancel its task as soon as `when` is set."""

    async def run():
        async def send(permit):
            when.set()
            await asyncio.sleep(60)

        making = asyncio.create_task(reliability_calls.governed_call(context, asked, send))
        await asyncio.to_thread(when.wait, 30)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making

    asyncio.run(run())
    assert reliability_calls.leave(30) == 0


def test_a_call_that_is_cancelled_is_booked_all_the_same(context, name):
    cancelled(context, ask(cost=CENT, breakers=(name,)), when=threading.Event())

    assert holds() == ["unknown"]
    [(state, _, said)] = executions()
    assert (state, said.split(":")[0]) == ("failed", "stopped")
    assert status.of_all()[name]["calls"] == 0


def test_a_call_that_is_cancelled_at_a_gate_never_goes_out_and_gives_back(context, name, monkeypatch):
    at_the_gate, may_go_on = threading.Event(), threading.Event()
    check = permissions.check

    def slowly(*args):
        at_the_gate.set()
        may_go_on.wait(30)
        return check(*args)

    monkeypatch.setattr(permissions, "check", slowly)
    grant(max_calls_per_day=5)

    async def run():
        async def never(permit):
            raise AssertionError("the call went out")

        making = asyncio.create_task(
            reliability_calls.governed_call(context, ask(cost=CENT, breakers=(name,)), never)
        )
        await asyncio.to_thread(at_the_gate.wait, 30)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        may_go_on.set()

    asyncio.run(run())
    assert reliability_calls.leave(30) == 0

    assert holds() == ["released"]
    assert sum(PermissionUse.objects.values_list("calls", flat=True)) == 0
    assert executions()[0][::2] == ("failed", "stopped before it was sent")


def test_a_cancelled_answer_is_still_booked(context, monkeypatch):
    """Cancelled between the answer and its books."""
    booking, may_go_on = threading.Event(), threading.Event()
    write = settlement._write

    def slowly(call, ending):
        booking.set()
        may_go_on.wait(30)
        write(call, ending)

    monkeypatch.setattr(settlement, "_write", slowly)

    async def run():
        async def send(permit):
            return answer("0.004")

        making = asyncio.create_task(reliability_calls.governed_call(context, ask(cost=CENT), send))
        await asyncio.to_thread(booking.wait, 30)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
        may_go_on.set()

    asyncio.run(run())
    assert reliability_calls.leave(30) == 0

    assert holds() == ["settled"]
    assert executions()[0][0] == "succeeded"


def test_leaving_says_what_could_not_be_booked(context, caplog):
    stuck = threading.Event()
    pool.of_process().submit(stuck.wait, 30)

    with caplog.at_level(logging.ERROR):
        assert reliability_calls.leave(0.05) == 1

    assert "1 calls were not booked" in caplog.text
    stuck.set()


# ------------------------------------------------------------------------------------ many, and Redis


def connections_in_use():
    [(count,)] = sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state IS NOT NULL"
    )
    return count


def test_a_hundred_calls_in_flight_need_few_connections(context):
    before = connections_in_use()
    seen = []

    async def run():
        everybody, go = asyncio.Event(), asyncio.Event()
        inside = 0

        async def send(permit):
            nonlocal inside
            inside += 1
            if inside == 100:
                everybody.set()
            await go.wait()
            return answer("0.0001")

        calls = [
            asyncio.create_task(
                reliability_calls.governed_call(
                    context, ask(cost=reliability_calls.FixedCost(CENT.usd / 100), seconds=60), send
                )
            )
            for _ in range(100)
        ]
        await asyncio.wait_for(everybody.wait(), 60)
        seen.append(await asyncio.to_thread(_count_and_close))
        go.set()
        await asyncio.gather(*calls)

    asyncio.run(run())

    assert seen[0] - before <= 6  # four threads, the breakers' one, and who counts
    assert holds().count("settled") == 100
    assert_sound()


def _count_and_close():
    try:
        return connections_in_use()
    finally:
        connection.close()


def test_without_redis_calls_go_on_with_breakers_of_this_process(context, is_async, name, own_var, settings):
    server = Redis(own_var)
    server.start()
    settings.REDIS_URL = server.url
    gate.close()

    def die(permit):
        server.kill()
        return answer("0.004")

    call(context, ask(cost=CENT, breakers=(name,)), is_async=is_async, send=die)
    call(context, ask(cost=CENT, breakers=(name,)), is_async=is_async)

    assert [row[0] for row in executions()] == ["succeeded", "succeeded"]
    assert "open" not in holds()
