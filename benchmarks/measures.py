"""What is measured of Juggernaut itself. Every function starts what it needs and returns rows."""

import concurrent.futures
import http.client
import json
import statistics
import time
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.db import connection

from benchmarks.report import Row
from benchmarks.system import System, until
from governance.access import actors
from governance.models import Task, WorkerProcess
from governance.tasks import schemas
from governance.tasks import services as tasks

ACTOR = actors.from_command("benchmark")
LATENCY_SAMPLES = 300
POSTS = 2_000
POST_CONNECTIONS = 8
IDLE_SECONDS = 20


def drain(count: int) -> list[Row]:
    """`count` durable no-op tasks with two worker processes, all of them waiting when the clock starts."""
    clear()
    fill(count, "noop")
    set_status("worker_registry", "paused")
    with System() as system:
        cluster = system.workers()
        workers_before, server_before = cpu_seconds(cluster), server_cpu_seconds()
        set_status("worker_registry", "active")
        until(lambda: not Task.objects.exclude(status="completed").exists(), every=0.1)
        workers, server = cpu_seconds(cluster) - workers_before, server_cpu_seconds() - server_before
    took = scalar("SELECT extract(epoch FROM max(completed_at) - min(started_at)) FROM governance_tasks")
    return [
        Row("durable no-op tasks, 2 worker processes", count / float(took), "tasks/s", "12,000"),
        Row("CPU of the workers", workers / count * 1000, "ms/task"),
        Row("CPU of PostgreSQL", server / count * 1000, "ms/task"),
        Row("events written", scalar("SELECT count(*) FROM task_events") / count, "per task", "3"),
    ]


def latency(_count: int) -> list[Row]:
    """From the call of submit to the committed completion, seen by polling, on an idle system."""
    clear()
    with System() as system:
        system.workers()
        times = sorted(_one_latency() for _ in range(LATENCY_SAMPLES))
    return [
        Row("enqueue to done, idle, p50", statistics.median(times) * 1000, "ms", "4"),
        Row("enqueue to done, idle, p99", times[int(LATENCY_SAMPLES * 0.99)] * 1000, "ms", "10"),
    ]


def _one_latency() -> float:
    time.sleep(0.02)
    began = time.perf_counter()
    (receipt,) = tasks.submit([schemas.parse({"task_type": "noop"})], actor=ACTOR)
    query = "SELECT status = 'completed' FROM governance_tasks WHERE id = %s"
    until(lambda: scalar(query, [str(receipt.id)]), every=0.0003)
    return time.perf_counter() - began


def posting(count: int) -> list[Row]:
    """`POST /api/tasks` with a token over 8 kept connections, and the bulk endpoint."""
    clear()
    key = token()
    with System() as system:
        base = urlsplit(system.web()).netloc
        _post_many(base, key, 200)
        began = time.monotonic()
        _post_many(base, key, POSTS)
        single = POSTS / (time.monotonic() - began)
        bulk = _bulk_rate(base, key, min(count, 10_000))
    return [
        Row(f"POST /api/tasks, {POST_CONNECTIONS} connections", single, "posts/s", "700"),
        Row("POST /api/tasks/bulk", bulk, "tasks/s", "10,000"),
    ]


def _post_many(base: str, token: str, count: int) -> None:
    share = count // POST_CONNECTIONS
    with concurrent.futures.ThreadPoolExecutor(POST_CONNECTIONS) as pool:
        list(pool.map(lambda _: _posts(base, token, share), range(POST_CONNECTIONS)))


def _posts(base: str, token: str, count: int) -> None:
    client = http.client.HTTPConnection(base)
    body = json.dumps({"task_type": "noop", "title": "bench"})
    for _ in range(count):
        _post(client, "/api/tasks", body, token)


def _bulk_rate(base: str, token: str, count: int) -> float:
    body = json.dumps({"tasks": [{"task_type": "noop", "title": "bench"}] * count})
    began = time.monotonic()
    _post(http.client.HTTPConnection(base), "/api/tasks/bulk", body, token)
    return count / (time.monotonic() - began)


def _post(client: http.client.HTTPConnection, path: str, body: str, token: str) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Token {token}"}
    client.request("POST", path, body, headers)
    answer = client.getresponse()
    text = answer.read()
    if answer.status != 201:
        raise RuntimeError(f"{path} answered {answer.status}: {text[:300]!r}")


def idle(_count: int) -> list[Row]:
    """Memory and CPU of a workers' cluster (2 processes) and a watchdog with nothing to do."""
    clear()
    with System() as system:
        parts = [system.workers(), system.watchdog()]
        until(lambda: scalar("SELECT count(*) FROM watchdog_sweeps"))
        cpu_before, server_before = sum(map(cpu_seconds, parts)), server_cpu_seconds()
        time.sleep(IDLE_SECONDS)
        cpu = (sum(map(cpu_seconds, parts)) - cpu_before) / IDLE_SECONDS * 100
        server = (server_cpu_seconds() - server_before) / IDLE_SECONDS * 100
        memory = sum(_pss(process) for part in parts for process in _family(part))
    return [
        Row("idle memory, workers and watchdog (PSS)", memory / 2**20, "MiB"),
        Row("idle CPU, workers and watchdog", cpu, "% of a core"),
        Row("idle CPU, PostgreSQL", server, "% of a core"),
    ]


def recovery(_count: int) -> list[Row]:
    """From `kill -9` of a worker process to the moment when all its tasks run again elsewhere."""
    clear()
    with System() as system:
        system.watchdog()
        system.workers()
        fill(100, "wait", {"seconds": 3600})
        until(lambda: Task.objects.filter(status="in_progress").count() == 100)
        busiest = WorkerProcess.objects.get(pk=scalar("SELECT lease_owner FROM governance_tasks LIMIT 1"))
        began = time.monotonic()
        psutil.Process(busiest.pid).kill()
        crashed = Task.objects.filter(status="in_progress", crash_attempts=1)
        until(crashed.exists)
        until(lambda: not Task.objects.filter(lease_owner=busiest.pk).exists())
        until(lambda: Task.objects.filter(status="in_progress").count() == 100)
        took = time.monotonic() - began
        Task.objects.all().delete()
    return [Row("kill -9 of a worker process: its tasks run again after", took, "s", "15")]


# ------------------------------------------------------------------------------------------- material


def clear() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE governance_tasks, task_events, failure_signatures, redrives CASCADE")
        cursor.execute("TRUNCATE failure_signature_hours")


def fill(count: int, task_type: str, payload: dict[str, Any] | None = None) -> None:
    one = schemas.parse({"task_type": task_type, "payload": payload or {}})
    for begin in range(0, count, 10_000):
        tasks.submit([one] * min(10_000, count - begin), actor=ACTOR)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE governance_tasks")


def set_status(table: str, status: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET status = %s", [status])
        cursor.execute("SELECT pg_notify('juggernaut_work', 'EXECUTOR')")


def scalar(query: str, parameters: list[str] | None = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def token() -> str:
    from django.contrib.auth import get_user_model

    from governance.access.actors import from_command
    from juggernaut.api_tokens import services as api_tokens

    user, _ = get_user_model().objects.get_or_create(username="bench", is_superuser=True)
    return api_tokens.create(user.username, actor=from_command("bench")).text


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def cpu_seconds(process: psutil.Process) -> float:
    return sum(t.user + t.system for t in (member.cpu_times() for member in _family(process)))


def server_cpu_seconds() -> float:
    """All of PostgreSQL: the postmaster, its living backends, and those that have ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    postmaster = backend.parent()
    assert postmaster is not None
    times = postmaster.cpu_times()
    return cpu_seconds(postmaster) + times.children_user + times.children_system


def _pss(process: psutil.Process) -> int:
    return int(process.memory_full_info().pss)
