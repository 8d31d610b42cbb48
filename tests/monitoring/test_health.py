"""`/health` tells what works and what does not, whatever state the servers are in."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from governance.models import Task, ToolPermission, Worker, WorkerProcess
from governance.workers import services as worker_services
from monitoring.health import report as health
from monitoring.health.probe import redis_client
from monitoring.health.single_flight import SingleFlight
from monitoring.models import HealthProbe
from reliability.watchdog import heartbeat
from tests.governance.samples import SYSTEM
from tests.monitoring.conftest import frozen
from tests.polling import until

pytestmark = pytest.mark.slow

NOWHERE = 1  # a loopback port that refuses at once


@pytest.fixture(autouse=True)
def _no_heartbeat_left():
    client = redis_client(seconds=1)
    client.delete(heartbeat.KEY)
    client.close()


def get(client, path="/health"):
    response = client.get(path)
    return response.status_code, response.json()


def test_a_system_in_which_everything_lives_is_ok(client, living_system):
    status, body = get(client)

    assert status == 200
    assert body["status"] == "ok"
    entries = {"database", "redis", "workers", "watchdog", "queue", "breakers", "budgets"}
    assert {name: body[name]["status"] for name in entries} == dict.fromkeys(entries, "ok")
    assert body["workers"]["by_worker"]["EXECUTOR"] == {"status": "active", "processes": 1, "in_flight": 0}
    assert 0 < body["database"]["connections_used"] <= body["database"]["connections_allowed"]


def test_anybody_may_ask_and_learns_no_address_and_no_password(client, living_system, database_at):
    database_at(NOWHERE)

    text = client.get("/health").content.decode()

    assert "127.0.0.1" not in text
    assert "password" not in text


def test_without_a_living_worker_process_it_cannot_do_its_job(client, living_system, silence):
    silence(process=11)

    status, body = get(client)

    assert status == 503
    assert body["workers"]["status"] == "down"
    assert "manage.py run_workers" in body["workers"]["detail"]


def test_a_worker_without_a_process_of_its_own_is_named(client, living_system):
    WorkerProcess.objects.update(worker_ids=["EXECUTOR"])

    status, body = get(client)

    assert status == 200
    assert body["status"] == body["workers"]["status"] == "degraded"
    assert body["workers"]["detail"] == "no process takes tasks of ANALYST, ORCHESTRATOR, STRATEGIST"


def test_a_draining_process_takes_no_tasks(client, living_system):
    WorkerProcess.objects.update(state="draining")

    _, body = get(client)

    assert body["workers"]["status"] == "degraded"


def test_a_paused_fleet_is_degraded_and_its_work_may_wait(client, living_system):
    due_at = timezone.now() - timedelta(seconds=90)
    Task.objects.create(task_type="evaluation", assigned_worker="ANALYST", run_after=due_at)
    worker_services.pause_fleet(actor=SYSTEM, reason="runaway spending")

    status, body = get(client)

    assert (status, body["workers"]["status"], body["workers"]["fleet"]) == (200, "degraded", "paused")
    assert "the fleet is paused" in body["workers"]["detail"]
    assert body["queue"]["status"] == "ok"


def test_a_paused_worker_is_degraded_and_named(client, living_system):
    Worker.objects.filter(worker_id="ANALYST").update(status="paused")
    WorkerProcess.objects.update(worker_ids=["EXECUTOR", "STRATEGIST", "ORCHESTRATOR"])

    _, body = get(client)

    assert body["workers"]["status"] == "degraded"
    assert "paused: ANALYST" in body["workers"]["detail"]


def test_a_silent_watchdog_is_degraded_with_the_command_that_starts_it(client, living_system, silence):
    silence(watchdog=16)

    status, body = get(client)

    assert status == 200
    assert body["watchdog"]["status"] == "degraded"
    assert "python watchdog_main.py" in body["watchdog"]["detail"]


def test_a_duty_without_permission_is_degraded_and_named_until_it_is_granted_again(
    client, living_system, look_anew
):
    row = ToolPermission.objects.get(worker_id="WATCHDOG", tool_name="watchdog.rescued")
    row.delete()
    ToolPermission.objects.filter(tool_name="watchdog.rung").update(requires_approval=True)

    status, body = get(client)

    assert status == 200
    assert body["watchdog"]["status"] == "degraded"
    assert body["watchdog"]["stopped_duties"] == ["watchdog.rescued", "watchdog.rung"]
    assert "watchdog.rescued, watchdog.rung" in body["watchdog"]["detail"]

    ToolPermission.objects.filter(tool_name="watchdog.rung").update(requires_approval=False)
    row.save(force_insert=True)
    look_anew()

    assert get(client)[1]["watchdog"]["status"] == "ok"


def test_a_watchdog_that_never_ran_is_said(client, living_system):
    Worker.objects.filter(worker_id="WATCHDOG").update(last_heartbeat=None)

    _, body = get(client)

    assert body["watchdog"]["detail"].startswith("never seen")


def test_a_queue_that_nobody_takes_from_is_degraded(client, living_system):
    due_at = timezone.now() - timedelta(seconds=90)
    Task.objects.create(task_type="evaluation", run_after=due_at)
    Task.objects.create(task_type="evaluation", run_after=timezone.now() + timedelta(hours=1))

    _, body = get(client)

    assert body["queue"]["status"] == "degraded"
    assert body["queue"]["pending"] == 2
    assert 90 <= body["queue"]["first_due_seconds"] < 3000


def test_work_of_a_paused_worker_may_wait(client, living_system):
    due_at = timezone.now() - timedelta(seconds=90)
    Task.objects.create(task_type="evaluation", assigned_worker="ANALYST", run_after=due_at)
    Worker.objects.filter(worker_id="ANALYST").update(status="paused")

    _, body = get(client)

    assert body["queue"]["status"] == "ok"


def test_a_count_that_is_too_long_is_cut_and_says_so(client, living_system, monkeypatch):
    monkeypatch.setattr(health, "COUNTED_UP_TO", 2)
    Task.objects.bulk_create(Task(task_type="evaluation") for _ in range(4))

    _, body = get(client)

    assert body["queue"]["pending"] == 2
    assert "more than 2 pending" in body["queue"]["detail"]


def test_without_redis_it_works_on_and_says_so(client, living_system, settings):
    settings.REDIS_URL = f"redis://127.0.0.1:{NOWHERE}/0"

    status, body = get(client)

    assert status == 200
    assert body["status"] == body["redis"]["status"] == "degraded"
    assert body["redis"]["detail"].startswith("redis connection failed: Connection refused")
    assert body["watchdog"]["status"] == "ok"


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [("maxmemory", "1", "redis is out of memory"), ("replicaof", "127.0.0.1 1", "redis is read-only")],
)
def test_a_redis_that_cannot_be_written_is_degraded(
    client, living_system, settings, redis_server, setting, value, words
):
    settings.REDIS_URL = redis_server.url
    server = redis_client(seconds=1)
    if setting == "maxmemory":
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set(setting, value)
    else:
        server.replicaof(*value.split())
    try:
        status, body = get(client)
    finally:
        server.replicaof("NO", "ONE")
        server.config_set("maxmemory", "0")
        server.close()

    assert (status, body["status"], body["redis"]["status"]) == (200, "degraded", "degraded")
    assert body["redis"]["detail"].startswith(words)
    assert body["database"]["status"] == "ok"


def test_a_frozen_redis_is_given_up_on(client, living_system, settings, redis_server):
    settings.REDIS_URL = redis_server.url

    with frozen(redis_server):
        status, body = get(client)

    assert status == 200
    assert body["redis"]["status"] == "degraded"


def test_without_the_database_it_cannot_do_its_job(client, living_system, database_at, look_anew, caplog):
    database_at(NOWHERE)

    status, body = get(client)

    assert status == 503
    assert body["status"] == body["database"]["status"] == "down"
    assert body["database"]["detail"] == "database connection failed: Connection refused"
    assert body["queue"]["detail"] == "not known: the database does not answer"


def test_while_the_database_is_away_the_watchdog_s_life_shows_in_redis(client, living_system, database_at):
    redis = redis_client(seconds=1)
    redis.set(heartbeat.KEY, "2026-01-01T00:00:00+00:00", ex=15)
    redis.close()
    database_at(NOWHERE)

    _, body = get(client)

    assert body["watchdog"]["status"] == "degraded"
    assert body["watchdog"]["redis_heartbeat"] == "2026-01-01T00:00:00+00:00"


def test_a_frozen_database_is_given_up_on_and_seen_again_afterwards(
    client, living_system, database_at, postgres, look_anew
):
    database_at(postgres.port)

    with frozen(postgres):
        status, body = get(client)
        assert status == 503
        assert body["database"]["detail"] == "database connection failed: no answer within 0.7 s"

    look_anew()
    assert "no answer" not in get(client)[1]["database"]["detail"]


def test_an_outage_is_logged_once_in_the_runbook_s_words_and_so_is_its_end(
    client, living_system, monkeypatch, look_anew, caplog
):
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "PORT", str(NOWHERE))
        get(client)
        look_anew()
        get(client)
    look_anew()
    get(client)

    said = [record.message for record in caplog.records if record.name == "monitoring.health.report"]
    assert len(said) == 2
    assert said[0].startswith("database connection failed: ")
    assert said[1] == "database connection restored"


def test_ready_means_that_the_database_answers_and_alive_asks_nobody(
    client, living_system, database_at, look_anew
):
    assert get(client, "/health/ready")[0] == 200

    look_anew()
    database_at(NOWHERE)

    assert get(client, "/health/ready")[0] == 503
    assert get(client, "/health/live") == (200, {"status": "ok"})


def test_health_cannot_be_posted_to(client):
    assert client.post("/health").status_code == 405


@pytest.fixture
def read_only_database(living_system):
    """New connections cannot write, as after a failover to a standby."""
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        yield
        cursor.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')


def test_a_database_that_cannot_be_written_is_down_and_not_ready(client, read_only_database):
    status, body = get(client)
    ready, why = get(client, "/health/ready")

    assert (status, body["status"], body["database"]["status"]) == (503, "down", "down")
    assert body["database"]["detail"].startswith("database is read-only: ")
    assert body["workers"]["status"] == "ok"  # what can be read is still said
    assert (ready, why["status"]) == (503, "down")
    assert why["detail"].startswith("database is read-only: ")


def test_health_writes_one_row_at_most_once_a_second(client, living_system, look_anew):
    get(client)
    [first] = HealthProbe.objects.values_list("written_at", flat=True)
    look_anew()
    get(client)
    [again] = HealthProbe.objects.values_list("written_at", flat=True)
    HealthProbe.objects.update(written_at=first - timedelta(minutes=1))
    look_anew()
    get(client)

    assert again == first or again - first >= timedelta(seconds=1)
    assert HealthProbe.objects.get().written_at >= first


def test_however_many_ask_while_it_hangs_one_thread_looks():
    looks, gate = [], threading.Event()

    def hang():
        looks.append(threading.current_thread())
        gate.wait()
        return "seen"

    flight = SingleFlight(hang)
    answers = {id(flight.ask()) for _ in range(100)}
    gate.set()

    assert len(answers) == 1
    assert flight.ask().result(10) == "seen"
    assert len(looks) == 1


def test_an_answer_is_shared_for_a_moment_and_then_looked_for_again(monkeypatch):
    flight = SingleFlight(iter([1, 2]).__next__)

    assert flight.ask().result(10) == 1
    assert until(lambda: flight.ask().result(10) == 2, what="a fresh look")


def test_who_asks_gets_the_error_of_the_look():
    def fail():
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        SingleFlight(fail).ask().result(10)
