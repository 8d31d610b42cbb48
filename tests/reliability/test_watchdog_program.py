"""`python watchdog_main.py`, as programs."""

import psutil
import pytest
import redis
from django.conf import settings
from django_q.models import Schedule

from reliability.models import Leadership, WatchdogSweep
from reliability.watchdog.heartbeat import KEY
from tests.polling import until
from tests.reliability.processes import Program, title

pytestmark = pytest.mark.slow
TAKEOVER_SECONDS = 15


def leads(program: Program) -> bool:
    return Leadership.objects.filter(owner__contains=f":{program.process.pid}:").exists()


def test_it_sweeps_beats_and_schedules_and_stops_in_peace(start_watchdog):
    program = start_watchdog()

    until(WatchdogSweep.objects.exists, timeout=30, what="a sweep")
    assert Schedule.objects.filter(name="watchdog").count() == 1
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert client.exists(KEY)
    list(program.family())
    program.process.terminate()

    assert program.process.wait(timeout=4) == 0
    assert until(program.leaves_nothing)
    assert not Leadership.objects.exists()


def test_it_is_found_under_its_name(start_watchdog):
    program = start_watchdog()
    program.the("worker")

    assert title(psutil.Process(program.process.pid)) == "python watchdog_main.py"
    assert all(title(process).startswith("juggernaut watchdog: ") for process in program.family())


@pytest.mark.parametrize("fault", ["kill the parent", "kill the worker and sentinel", "freeze the worker"])
def test_the_standby_takes_over(start_watchdog, fault):
    leader = start_watchdog()
    until(lambda: leads(leader), timeout=30, what="the first one leading")
    standby = start_watchdog()
    standby.the("worker")

    match fault:
        case "kill the parent":
            leader.process.kill()
        case "kill the worker and sentinel":
            worker = leader.the("worker")
            leader.the("sentinel").kill()
            until(lambda: not worker.is_running())
        case "freeze the worker":
            leader.the("worker").suspend()

    until(lambda: leads(standby), timeout=TAKEOVER_SECONDS, what="the standby leading")
    assert Schedule.objects.filter(name="watchdog").count() == 1


def test_a_killed_worker_of_the_only_watchdog_is_replaced_and_sweeps(start_watchdog):
    program = start_watchdog()
    until(WatchdogSweep.objects.exists, timeout=30, what="a sweep")
    before = WatchdogSweep.objects.count()

    program.the("worker").kill()

    until(lambda: WatchdogSweep.objects.count() > before, timeout=TAKEOVER_SECONDS, what="another sweep")
    assert leads(program)
