"""What dead letters cost: written while everything fails, redriven, and looked at when there are many."""

import statistics
import time
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from benchmarks import measures
from benchmarks.report import Row
from benchmarks.system import System, until
from governance.models import DeadLetter, FailureSignature, Task
from juggernaut import sample
from reliability import redrives
from reliability.dead_letters import filters

TASKS, LETTERS = 1_000_000, 100_000
REDRIVEN = 10_000
SAMPLES = 20


def written(count: int) -> list[Row]:
    """`count` tasks that fail for good with two worker processes: each leaves a dead letter."""
    measures.clear()
    measures.fill(count, "misbehave", {"how": "permanent"})
    measures.set_status("worker_registry", "paused")
    with System(is_quiet=True) as system:
        cluster = system.workers()
        workers_before, server_before = measures.cpu_seconds(cluster), measures.server_cpu_seconds()
        measures.set_status("worker_registry", "active")
        until(lambda: not Task.objects.exclude(status="failed").exists(), every=0.1)
        workers = measures.cpu_seconds(cluster) - workers_before
        server = measures.server_cpu_seconds() - server_before
    took = measures.scalar(
        "SELECT extract(epoch FROM max(completed_at) - min(started_at)) FROM governance_tasks"
    )
    assert DeadLetter.objects.count() == count
    return [
        Row("dead letters written, 2 worker processes", count / float(took), "letters/s"),
        Row("CPU of the workers, failing", workers / count * 1000, "ms/task"),
        Row("CPU of PostgreSQL, failing", server / count * 1000, "ms/task"),
    ]


def redriven(_count: int) -> list[Row]:
    """How fast the watchdog could hand letters over if no pace held it, and what the request takes."""
    measures.clear()
    load(2 * REDRIVEN, REDRIVEN)
    began = time.monotonic()
    redrive = redrives.start(
        filters.parse({"status": "pending"}),
        actor=measures.ACTOR, reason="measured", canary=False, pace=1000,
    )  # fmt: skip
    asked, first, now = time.monotonic() - began, redrive.handed_over, timezone.now()
    began = time.monotonic()
    while redrive.waiting:
        now += timedelta(seconds=10)
        redrives.advance(now)
        redrive.refresh_from_db()
    took = time.monotonic() - began
    return [
        Row(f"redrive of {REDRIVEN:,} letters: the request returns after", asked * 1000, "ms"),
        Row("letters handed over, no pace", (REDRIVEN - first) / took, "letters/s"),
    ]


def pages(_count: int) -> list[Row]:
    """Pages and lists, as a browser and a client ask for them, at a million tasks and 100,000 letters."""
    measures.clear()
    load(TASKS, LETTERS)
    browser = client()
    group = str(FailureSignature.objects.order_by("-last_seen").values_list("pk", flat=True)[0])
    asked = {
        "console: groups": reverse("admin:governance_failuresignature_changelist"),
        "console: a group": reverse("admin:governance_failuresignature_change", args=[group]),
        "console: dead letters": reverse("admin:governance_deadletter_changelist"),
        "API: groups": "/api/dlq/groups",
        "API: a group": f"/api/dlq/groups/{group}",
        "API: dead letters": "/api/dlq",
        "API: dead letters of a group": f"/api/dlq?signature={group}&status=pending",
    }
    where = f"at {TASKS:,} tasks and {LETTERS:,} letters"
    rows = [Row(f"{what}, {where}", _opening(browser, url), "ms", "200") for what, url in asked.items()]
    return rows + [Row(f"runbook: {what}, {where}", _asking(query), "ms") for what, query in RUNBOOK.items()]


# As printed.
RUNBOOK = {
    "the newest ten": "SELECT id, task_id, failure_reason, created_at FROM dead_letter_queue"
    " ORDER BY created_at DESC LIMIT 10",
    "GROUP BY failure_reason": "SELECT failure_reason, COUNT(*) FROM dead_letter_queue"
    " GROUP BY failure_reason ORDER BY COUNT(*) DESC",
}


def _opening(browser: Client, url: str) -> float:
    """Milliseconds, the median of some."""
    return statistics.median(milliseconds(lambda: get(browser, url)) for _ in range(SAMPLES))


def _asking(query: str) -> float:
    return statistics.median(milliseconds(lambda: _execute(query)) for _ in range(SAMPLES))


def milliseconds(work: Any) -> float:
    """What it took."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def get(browser: Client, url: str) -> None:
    answer = browser.get(url)
    if answer.status_code != 200:
        raise RuntimeError(f"{url} answered {answer.status_code}")


def client() -> Client:
    """A superuser, in the console by session and in the API by token."""
    from django.contrib.auth import get_user_model

    browser = Client(headers={"host": "localhost", "authorization": f"Token {measures.token()}"})
    user = get_user_model().objects.get(username="bench")
    user.is_staff = True
    user.save()
    browser.force_login(user)
    return browser


# ------------------------------------------------------------------------------------------- material


def load(tasks: int, letters: int) -> None:
    """This many tasks, of which some have open letters; no money."""
    size = sample.Size(tasks=tasks, letters=letters, lines=0, calls=0, resolved=0, surroundings=False)
    for _ in sample.load(size):
        pass


def _execute(statement: str, **parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        if cursor.description:
            cursor.fetchall()
