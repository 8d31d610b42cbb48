"""Settings, resets and modes of the state machine, in Redis and in a process alone."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from reliability import breakers
from reliability.breakers import FAILURE, SUCCESS
from tests.reliability.breakers.machines import Machine, half_open, opened

pytestmark = pytest.mark.django_db(transaction=True)


def test_settings_bind_at_once_and_counters_are_kept(machine: Machine):
    machine.begin(failure_threshold=10)
    machine.fail(4)

    machine.set(failure_threshold=5)
    machine.fail(1)

    assert machine.ask()[0].cause == "5 failures in a row"


def test_a_wait_for_failures_follows_its_setting(machine: Machine):
    opened(machine, reset_timeout=100)

    machine.set(reset_timeout=20)

    assert machine.ask()[0].left == pytest.approx(20, abs=2)
    machine.pass_time(20.1)
    assert machine.ask()[0].verdict == "probe"


def test_a_wait_that_the_service_asked_for_follows_no_setting(machine: Machine):
    machine.begin(reset_timeout=100)
    machine.call(breakers.rate_limited(50))

    machine.set(reset_timeout=1)

    assert machine.ask()[0].left == pytest.approx(50, abs=2)


def test_fewer_probes_than_have_succeeded_close_it(machine: Machine):
    half_open(machine, half_open_probes=3)
    machine.succeed(2)

    machine.set(half_open_probes=2)

    assert machine.ask()[0].verdict == "call"
    assert machine.state() == "closed"


def test_a_reset_closes_it_and_forgets(machine: Machine):
    opened(machine)
    machine.set(reset_version=1)
    assert machine.state() == "closed"

    machine.fail(1)
    machine.set(reset_version=2)
    machine.fail(1)

    assert machine.state() == "closed"


def test_a_result_from_before_a_reset_changes_nothing(machine: Machine):
    machine.begin(failure_threshold=1)
    early, token = machine.ask()
    machine.set(reset_version=1)

    assert machine.record(early.generation, early.verdict, token, FAILURE).verdict == "ignored"
    assert machine.state() == "closed"


def test_forced_open_refuses_until_its_end(machine: Machine):
    machine.begin()
    machine.set(mode="forced_open", mode_until=Now() + timedelta(seconds=60))

    refused, _ = machine.ask()
    machine.pass_time(61)

    assert (refused.verdict, refused.mode) == ("refused", "forced_open")
    assert refused.left == pytest.approx(60, abs=3)
    assert machine.ask()[0].verdict == "call"


def test_forced_open_without_an_end_waits_for_an_operator(machine: Machine):
    machine.begin(mode="forced_open")
    machine.pass_time(1_000_000)

    assert machine.ask()[0].left is None

    machine.set(mode="normal")
    assert machine.ask()[0].verdict == "call"


def test_disabled_admits_and_counts_nothing_until_its_end(machine: Machine):
    opened(machine)
    machine.set(mode="disabled", mode_until=Now() + timedelta(seconds=5))

    answer, token = machine.ask()
    counted = machine.record(answer.generation, answer.verdict, token, FAILURE)

    assert (answer.verdict, counted.verdict) == ("free", "ignored")
    machine.pass_time(6)
    assert machine.ask()[0].verdict == "refused"


def test_shadow_decides_and_refuses_nothing(machine: Machine):
    machine.begin(mode="shadow", failure_threshold=2, reset_timeout=10, half_open_probes=1)

    machine.fail(2)
    shadowed, token = machine.ask()
    ignored = machine.record(shadowed.generation, shadowed.verdict, token, SUCCESS)
    machine.pass_time(10.1)
    probe, beside = machine.ask()[0], machine.ask()[0]

    assert (shadowed.verdict, shadowed.state, ignored.verdict) == ("free", "open", "ignored")
    assert (probe.verdict, beside.verdict) == ("probe", "free")
