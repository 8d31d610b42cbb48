"""Redis stopped and standing still, each with 500 tasks in flight."""

import time

import psutil
import pytest

from juggernaut.embedded.redis import Redis
from tests.faults import record
from tests.polling import until

OUTAGE_SECONDS = 60.0


@pytest.fixture
def own_redis(own_var):
    """A Redis of the test's own, which no supervisor starts again."""
    server = Redis(own_var / "elsewhere")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def settings_of_machine(own_redis):
    return {"REDIS_URL": own_redis.url}


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_without_redis_work_goes_on_and_health_says_so(system, load, assert_sound, own_redis, how, loaded):
    assert own_redis.pid
    began = time.monotonic()
    if how == "stopped":
        own_redis.stop()
    else:
        psutil.Process(own_redis.pid).suspend()

    until(lambda: _health(system) == ("degraded", "degraded"), what="health without redis")
    load.release()
    load.await_done()
    meanwhile = loaded(tasks=50)
    if how == "stopped":
        until(lambda: time.monotonic() - began > OUTAGE_SECONDS, timeout=90, what="the end of the outage")
    until(lambda: _health(system)[0] == "degraded", what="health without redis, still")
    if how == "stopped":
        own_redis.start()
    else:
        psutil.Process(own_redis.pid).resume()
    until(lambda: _health(system) == ("ok", "ok"), timeout=30, what="health with redis")
    meanwhile.release()
    meanwhile.await_done()

    assert_sound(load, meanwhile)
    record.assert_ran_once(load)
    record.assert_ran_once(meanwhile)


def _health(system):
    report = system.ask("/health")
    return report["status"], report["redis"]["status"]
