"""The broker of the workers' cluster."""

import pytest
from django_q.conf import Conf
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from reliability.cluster import shared_state, worker_broker
from reliability.cluster.worker_broker import PACE_SECONDS, RestartPace, WorkerBroker
from reliability.errors import NotAQueue


@pytest.fixture(autouse=True)
def _own_pulse():
    shared_state.begin(slots=1)


def test_it_hands_out_the_drain_without_a_time_limit():
    [(ack_id, package)] = WorkerBroker("workers").dequeue() or []

    order = SignedPackage.loads(package)
    assert order["func"] == "reliability.engine.run_worker_loop"
    assert order["timeout"] == -1
    assert ack_id is None


def test_it_hands_out_one_for_each_process_at_once():
    broker = WorkerBroker("workers")

    assert all(broker.dequeue() for _ in range(Conf.WORKERS + 1))


def test_it_hands_out_nothing_once_the_cluster_stops():
    broker = WorkerBroker("workers")

    shared_state.current().ask_to_leave(within_seconds=1)

    assert broker.dequeue() is None


def test_it_refuses_messages_and_says_where_work_belongs():
    with pytest.raises(NotAQueue, match="its workers read the table governance_tasks"):
        async_task("math.sqrt", 4)


def test_the_pace_allows_a_burst_and_then_one_order_at_a_time():
    pace = RestartPace(burst=3)
    now = pace.refilled_at

    assert [pace.allows(now) for _ in range(4)] == [True, True, True, False]
    assert not pace.allows(now + PACE_SECONDS * 0.9)
    assert pace.allows(now + PACE_SECONDS)
    assert not pace.allows(now + PACE_SECONDS)


def test_the_pace_saves_up_no_more_than_the_burst():
    pace = RestartPace(burst=2)
    now = pace.refilled_at + 1000

    assert [pace.allows(now) for _ in range(3)] == [True, True, False]


def test_the_order_keeps_its_identity():
    first, second = (SignedPackage.loads(worker_broker.message("a.b")[1]) for _ in range(2))

    assert (first["id"], first["name"]) == (second["id"], second["name"])
