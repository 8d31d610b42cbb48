"""The watch in this process: lead or stand by, beat, sweep, and sit an outage out."""

import logging
from datetime import datetime, timedelta

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from governance.access import permissions
from governance.access.actors import Actor
from governance.models import ToolPermission, Worker
from reliability.cluster import shared_state
from reliability.cluster.watchdog_broker import WatchdogBroker
from reliability.models import Leadership, WatchdogSweep
from reliability.watchdog.heartbeat import KEY, RedisHeartbeat
from reliability.watchdog.loop import Watchdog

# A port of this machine on which nothing listens: refused at once.
NOWHERE = "redis://127.0.0.1:1/0"
ANN = Actor("user:ann", is_trusted=True)


@pytest.fixture
def client():
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        client.delete(KEY)
        yield client
        client.delete(KEY)


def watchdog(owner="me", **options) -> Watchdog:
    ToolPermission.objects.get_or_create(worker_id="WATCHDOG", tool_name="watchdog.nothing")
    return Watchdog(owner=owner, duties={"nothing": lambda now: 0}, **options)


@pytest.mark.django_db
def test_a_duty_stops_when_its_permission_is_revoked_and_goes_on_when_it_is_granted_again(caplog):
    caplog.set_level(logging.INFO, logger="reliability.watchdog.duty_permissions")
    leader = watchdog()

    def sweep_twice():
        leader.round()
        leader.round()
        return WatchdogSweep.objects.latest("id").counts

    assert sweep_twice() == {"nothing": 0}
    permissions.revoke("WATCHDOG", "watchdog.nothing", actor=ANN)
    assert sweep_twice() == {}
    permissions.grant("WATCHDOG", "watchdog.nothing", actor=ANN, requires_approval=True)
    assert sweep_twice() == {}
    permissions.grant("WATCHDOG", "watchdog.nothing", actor=ANN)
    assert sweep_twice() == {"nothing": 0}

    said = [record.message for record in caplog.records if "duty" in record.message]
    assert said == [
        "watchdog duty 'nothing' is stopped: permission: WATCHDOG has none for watchdog.nothing",
        "watchdog duty 'nothing' goes on: it is permitted again",
    ]


@pytest.mark.django_db
def test_the_leader_beats_in_redis_and_in_the_registry_and_sweeps(client):
    watchdog().round()

    beat = datetime.fromisoformat(client.get(KEY))
    assert beat.utcoffset() == timedelta(0)
    assert 0 < client.ttl(KEY) <= 15
    assert Worker.objects.get(pk="WATCHDOG").last_heartbeat is not None
    assert WatchdogSweep.objects.get().leader == "me"


@pytest.mark.django_db
def test_the_standby_does_neither(client):
    watchdog("leader").round()
    client.delete(KEY)

    watchdog("standby").round()

    assert client.get(KEY) is None
    assert WatchdogSweep.objects.get().leader == "leader"


@pytest.mark.django_db
def test_who_resigns_makes_room():
    leader = watchdog("leader")
    leader.round()

    leader.resign()
    watchdog("standby").round()

    assert Leadership.objects.get().owner == "standby"


@pytest.mark.django_db
def test_without_redis_it_goes_on_and_says_so_once(caplog, client):
    alone = watchdog(redis=RedisHeartbeat(NOWHERE))

    alone.round()
    alone.round()

    assert WatchdogSweep.objects.count() == 2
    assert Worker.objects.get(pk="WATCHDOG").last_heartbeat is not None
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert [message[:24] for message in said] == ["redis connection failed:"]


@pytest.mark.django_db(transaction=True)
def test_without_postgresql_it_lives_on_and_recovers_by_itself(monkeypatch, caplog, client):
    alone = watchdog()
    alone.round()
    client.delete(KEY)

    with monkeypatch.context() as away:
        connection.close()
        away.setitem(connection.settings_dict, "PORT", "1")
        alone.round()
        alone.round()

    assert client.get(KEY) is not None
    alone.round()
    assert WatchdogSweep.objects.count() == 2
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert [message[:26] for message in said] == ["database connection failed", "database connection restor"]


@pytest.fixture
def broker(settings, monkeypatch):
    monkeypatch.setattr(Conf, "ORM", "default")
    shared_state.begin(slots=1)
    return WatchdogBroker("watchdog")


@pytest.mark.django_db
def test_the_broker_orders_a_watch_when_nobody_watches_and_then_waits(broker, monkeypatch):
    monkeypatch.setattr(Conf, "POLL", 0)

    [(_, package)] = broker.dequeue()

    assert SignedPackage.loads(package)["func"] == "reliability.watchdog.loop.watch"
    assert broker.dequeue() is None


@pytest.mark.django_db
def test_the_broker_hands_out_what_is_queued_while_this_process_watches(broker):
    shared_state.join()
    scheduled = SignedPackage.dumps({"func": "a scheduled message"})
    OrmQ.objects.create(key="watchdog", payload=scheduled, lock=timezone.now())

    [(_, package)] = broker.dequeue()

    assert package == scheduled


@pytest.mark.django_db
def test_messages_that_another_key_signed_are_dropped_in_one_line(broker, monkeypatch, caplog):
    shared_state.join()
    monkeypatch.setattr(Conf, "SECRET_KEY", "the key of before")
    for _ in range(9):
        payload = SignedPackage.dumps({"func": "of before"})
        OrmQ.objects.create(key="watchdog", payload=payload, lock=timezone.now())
    monkeypatch.undo()
    monkeypatch.setattr(Conf, "ORM", "default")
    ours = SignedPackage.dumps({"func": "ours"})
    OrmQ.objects.create(key="watchdog", payload=ours, lock=timezone.now())

    assert broker.dequeue() == []
    [(_, package)] = broker.dequeue()

    assert package == ours
    assert [record.getMessage() for record in caplog.records] == [
        "dropped 9 message(s) of the watchdog's queue: signed with another DJANGO_SECRET_KEY"
    ]
    assert OrmQ.objects.count() == 1


@pytest.mark.django_db
def test_the_broker_hands_out_nothing_once_the_cluster_stops(broker):
    shared_state.current().ask_to_leave(within_seconds=1)

    assert broker.dequeue() is None


@pytest.mark.django_db(transaction=True)
def test_the_broker_sits_out_an_outage(broker, monkeypatch, caplog):
    shared_state.join()
    monkeypatch.setattr("reliability.cluster.watchdog_broker.BEGIN_SECONDS", 0)

    with monkeypatch.context() as away:
        connection.close()
        away.setitem(connection.settings_dict, "PORT", "1")
        assert broker.dequeue() is None

    assert caplog.records[0].message.startswith("database connection failed")
