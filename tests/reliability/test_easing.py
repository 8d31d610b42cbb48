"""Parked tasks return gently: as far as the money goes, and on a ramp when a service has recovered."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from governance import budgets
from governance.access.actors import from_command
from governance.models import Task
from governance.tasks import transitions
from reliability.breakers import client as gate
from reliability.breakers import services
from reliability.breakers.models import CircuitBreaker
from reliability.breakers.outcomes import FAILURE, SUCCESS
from reliability.breakers.redis_breaker import RedisBreakers
from reliability.errors import BreakerOpen
from reliability.watchdog import slow_start, sweep
from tests.fleet import enlist
from tests.governance import budgets as books
from tests.governance import lives
from tests.governance.parking import inserted, is_waiting, why_released

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ANN = from_command("ann")


@pytest.fixture(autouse=True)
def fleet(transactional_db):
    enlist()
    gate.close()
    yield
    gate.close()


def swept(duty):
    """One sweep that does this duty alone; how many tasks it released."""
    return sweep.run({duty: sweep.DUTIES[duty]}, leader="test").counts[duty]


def waiting():
    return Task.objects.filter(status="parked").count()


def gone_through():
    """What was released has run, and costs nothing more."""
    Task.objects.filter(status="pending").delete()


class TestBudgets:
    def test_nothing_is_released_while_nothing_is_free(self):
        books.allow("EXECUTOR", daily_limit="1")
        books.spend("1", worker_id="EXECUTOR")
        inserted(3, "budget", "EXECUTOR", amount_usd="0.5")

        assert swept("afforded") == 0

    def test_a_limit_raised_in_sql_releases_as_many_as_it_pays_for(self):
        books.allow("EXECUTOR", daily_limit="1")
        books.spend("1", worker_id="EXECUTOR")
        inserted(5, "budget", "EXECUTOR", amount_usd="0.5")

        books.sql("UPDATE worker_budgets SET daily_limit = 2.2 WHERE worker_id = 'EXECUTOR'")

        assert swept("afforded") == 2
        released = Task.objects.filter(status="pending").first()
        assert why_released(released.pk) == ("WATCHDOG", "budget EXECUTOR: 1.2 USD are free")

    def test_the_same_money_is_not_given_away_again_while_they_are_on_their_way(self):
        books.allow("EXECUTOR", daily_limit="1")
        inserted(5, "budget", "EXECUTOR", amount_usd="0.5")
        assert swept("afforded") == 2

        assert swept("afforded") == 0
        gone_through()

        assert swept("afforded") == 2

    def test_money_that_was_held_and_is_freed_releases(self):
        books.allow("EXECUTOR", daily_limit="1")
        hold = books.reserve("1", worker_id="EXECUTOR")
        inserted(1, "budget", "EXECUTOR", amount_usd="1")
        assert swept("afforded") == 0

        budgets.release(hold.id)

        assert swept("afforded") == 1

    def test_a_window_that_turned_releases(self):
        books.allow("EXECUTOR", daily_limit="1")
        books.spend("1", worker_id="EXECUTOR", at=timezone.now() - timedelta(days=1))
        inserted(1, "budget", "EXECUTOR", amount_usd="1", window="day")

        assert swept("afforded") == 1

    def test_the_tightest_window_decides(self):
        books.allow("EXECUTOR", daily_limit="10", monthly_limit="1")
        inserted(4, "budget", "EXECUTOR", amount_usd="0.5")

        assert swept("afforded") == 2

    def test_the_fleet_s_money_is_shared_by_all_workers(self):
        books.allow("EXECUTOR", fleet="1")
        inserted(2, "budget", "FLEET", amount_usd="0.4")
        Task.objects.filter(status="parked").update(assigned_worker="ANALYST")
        inserted(2, "budget", "FLEET", amount_usd="0.4")

        assert swept("afforded") == 2

    def test_without_a_row_for_the_fleet_nothing_is_released(self):
        books.sql("DELETE FROM worker_budgets WHERE worker_id = 'FLEET'")
        inserted(1, "budget", "FLEET", amount_usd="0.4")

        assert swept("afforded") == 0

    def test_a_limit_that_is_lifted_releases_all(self):
        books.allow("EXECUTOR", daily_limit=None)
        inserted(9, "budget", "EXECUTOR", amount_usd="1000")

        assert swept("afforded") == 9

    def test_the_envelope_of_a_task_is_a_scope(self):
        books.allow("EXECUTOR")
        parent = lives.make(max_cost_usd=Decimal(1), status="cancelled", completed_at=timezone.now())
        books.spend("1", worker_id="EXECUTOR", task_id=parent.pk)
        inserted(1, "budget", f"task:{parent.pk}", amount_usd="0.5")
        assert swept("afforded") == 0

        books.sql("UPDATE governance_tasks SET max_cost_usd = 2 WHERE id = %s", parent.pk)

        assert swept("afforded") == 1

    @pytest.mark.parametrize("scope", ["task:00000000-0000-7000-8000-000000000001", "task:nonsense"])
    def test_an_envelope_that_is_gone_holds_nobody(self, scope):
        inserted(1, "budget", scope, amount_usd="0.5")

        assert swept("afforded") == 1


@pytest.fixture
def name():
    """A breaker that opens at the first failure and takes 3 probes."""
    row = CircuitBreaker.objects.create(
        name=f"service-{uuid4().hex}", failure_threshold=1, reset_timeout=600, half_open_probes=3
    )
    return row.name


def opened(name):
    gate.record(gate.acquire(name), FAILURE)
    with pytest.raises(BreakerOpen):
        gate.acquire(name)
    swept("breakers")


def ramp(sweeps):
    steps = []
    for _ in range(sweeps):
        steps.append(swept("recovered"))
        gone_through()
    return steps


class TestBreakers:
    def test_nothing_is_released_while_it_is_open(self, name):
        opened(name)
        inserted(9, "breaker", name)

        assert ramp(3) == [0, 0, 0]

    def test_when_its_probe_is_due_as_many_go_as_it_takes_probes_and_no_more_on_top(self, name):
        services.update_settings(name, actor=ANN, reset_timeout=0.1, max_wait_seconds=0.1)
        opened(name)
        inserted(9, "breaker", name)
        lives_until_due(name)

        assert swept("recovered") == 3
        assert swept("recovered") == 0
        gone_through()
        assert swept("recovered") == 3

    def test_probes_under_way_count(self, name):
        services.update_settings(name, actor=ANN, reset_timeout=0.1, max_wait_seconds=0.1)
        opened(name)
        inserted(9, "breaker", name)
        lives_until_due(name)
        gate.record(gate.acquire(name), SUCCESS)
        gate.acquire(name)

        assert swept("recovered") == 1

    def test_three_hundred_come_back_in_growing_steps_when_it_has_closed(self, name):
        opened(name)
        inserted(300, "breaker", name)

        services.reset(name, actor=ANN)

        steps = ramp(8)
        assert steps == [3, 6, 12, 24, 48, 96, 111, 0]
        assert waiting() == 0

    def test_the_steps_end_at_a_bound(self, name, monkeypatch):
        monkeypatch.setattr(slow_start, "MOST", 20)
        inserted(60, "breaker", name)
        opened(name)
        services.reset(name, actor=ANN)

        assert ramp(5) == [3, 6, 12, 20, 19]

    def test_a_sweep_that_may_not_release_is_no_step(self, name):
        opened(name)
        inserted(30, "breaker", name)
        services.reset(name, actor=ANN)
        swept("breakers")
        swept("breakers")

        assert ramp(1) == [3]

    def test_one_that_closed_by_its_probes_begins_a_ramp(self, name):
        services.update_settings(name, actor=ANN, reset_timeout=0.1, max_wait_seconds=0.1)
        opened(name)
        lives_until_due(name)
        inserted(30, "breaker", name)
        for _ in range(3):
            gate.record(gate.acquire(name), SUCCESS)
        swept("breakers")

        assert ramp(3) == [3, 6, 12]

    @pytest.mark.parametrize("mode", ["disabled", "shadow"])
    def test_one_that_an_operator_took_out_begins_a_ramp(self, name, mode):
        opened(name)
        inserted(30, "breaker", name)
        until = timezone.now() + timedelta(hours=1)
        verb = services.disable_until if mode == "disabled" else services.shadow
        verb(name, until=until, actor=ANN, reason="it is ours to decide")

        assert ramp(3) == [3, 6, 12]

    def test_one_that_is_forced_open_releases_nothing(self, name):
        inserted(9, "breaker", name)
        services.force_open(name, actor=ANN, reason="invoice dispute")

        assert ramp(2) == [0, 0]

    def test_tasks_that_wait_for_a_breaker_that_is_gone_go_on(self):
        inserted(9, "breaker", "gone")

        assert ramp(1) == [9]

    def test_while_redis_is_away_the_last_known_state_decides(self, name, monkeypatch):
        opened(name)
        inserted(9, "breaker", name)
        gate.close()
        away = gate.BreakerClient(RedisBreakers("redis://127.0.0.1:1/0"))
        monkeypatch.setattr(gate, "of_process", lambda: away)

        assert ramp(1) == [0]
        CircuitBreaker.objects.filter(pk=name).update(retry_at=timezone.now() - timedelta(seconds=1))
        assert ramp(1) == [3]
        away.close()

    def test_a_cancelled_task_is_not_released(self, name):
        inserted(1, "breaker", "gone")
        task_id = Task.objects.get().pk
        transitions.cancel([task_id], actor="ann", reason="not needed")

        assert ramp(1) == [0]
        assert not is_waiting(task_id)


def lives_until_due(name):
    """Until the breaker's next probe is due."""
    from reliability.breakers import status
    from tests.polling import until

    until(lambda: status.of_all()[name]["next_probe_at"] <= timezone.now(), timeout=10, what="the probe")
