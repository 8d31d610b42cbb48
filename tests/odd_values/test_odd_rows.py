"""Rows full of extreme values, typed in SQL, concern themselves alone.

Everything that reads rows is walked over a database in which one row of every table holds as many extreme
values as the database takes: claims, duties, health, pages, endpoints and commands.
"""

import io
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from governance.models import Worker
from reliability.watchdog import sweep
from tests.api import world
from tests.api.test_conformance import QUERIES, address, operations
from tests.governance import lives
from tests.governance.api_client import of_role
from tests.odd_values import extremes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SEEDS = range(8)
PAGES = ("", "costs/", "costs/figures/", "breakers/", "breakers/figures/", "diagnosis/")
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("costs",), ("costs", "--lines"), ("costs", "--burn-rates"), ("list_recurring",), ("permissions",),
    ("audit",), ("breaker_status",), ("list_dlq",), ("list_alerts",), ("list_tokens",), ("tool_executions",),
    ("redrive", "list"), ("set_budget",), ("set_price",), ("set_rate_limit",), ("set_retention",),
    ("approve",), ("prune", "--dry-run"),
    ("why", "ANALYST", "http.get"), ("rehash_dead_letters",),
)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_one_odd_row_in_each_table_concerns_itself_alone(seed: int, caplog: pytest.LogCaptureFixture):
    of = world.build()
    typed = extremes.spoil(seed)
    healthy = {_healthy("EXECUTOR"), _healthy("ANALYST")}
    Worker.objects.update(status="active")

    troubles = [*_claims(healthy), *_duties(), *_health(), *_endpoints(of), *_pages(), *_commands()]

    logged = [f"log: {record.getMessage()}" for record in caplog.records if record.exc_info]
    assert not [*troubles, *logged], "\n".join([*troubles, *logged, "typed in:", *typed])


def _healthy(worker: str) -> UUID:
    return lives.make(assigned_worker=worker).pk


def _claims(healthy: set[UUID]) -> Iterator[str]:
    """The healthy tasks are claimed, run and done, whatever is claimed along with them."""
    try:
        claimed = [*lives.claim(worker="EXECUTOR"), *lives.claim(worker="ANALYST")]
    except Exception as error:  # noqa: BLE001 it is what is looked for
        yield f"claim: {error!r}"
        return
    by_id = {task.id: task for task in claimed}
    for task_id in healthy:
        if task_id not in by_id:
            yield f"a healthy task was not claimed: {lives.status(task_id)}"
        elif not lives.complete(by_id[task_id]):
            yield "a healthy task could not be completed"


def _duties() -> Iterator[str]:
    for name, duty in sweep.DUTIES.items():
        yield from _trouble(f"duty {name!r}", duty, timezone.now())


def _health() -> Iterator[str]:
    client = Client(headers={"Host": "localhost"})
    yield from _answered(client, "/health", expected=(200, 503))  # there is no worker process
    for path in ("/health/ready", "/metrics"):
        yield from _answered(client, path, expected=(200, 401))


def _endpoints(of: world.World) -> Iterator[str]:
    client = of_role("admin").client
    for path, _, described in operations("get"):
        name = described["operationId"]
        yield from _answered(client, f"/api/{address(path, of, name)}", QUERIES.get(name, {}))


def _pages() -> Iterator[str]:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    for path in PAGES:
        yield from _answered(browser, f"/admin/{path}")
    for model in django_admin.site._registry:
        place = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        yield from _answered(browser, place)
        for key in list(model._default_manager.values_list("pk", flat=True)[:10]):
            yield from _answered(browser, f"{place}{key}/change/")


def _commands() -> Iterator[str]:
    for name, *arguments in COMMANDS:
        silent = {"stdout": io.StringIO(), "stderr": io.StringIO()}
        yield from _trouble(
            f"manage.py {name} {' '.join(arguments)}", call_command, name, *arguments, **silent
        )


def _answered(
    client: Client, path: str, query: Any = None, *, expected: tuple[int, ...] = (200, 302, 404)
) -> Iterator[str]:
    def ask() -> None:
        answer = client.get(path, query, REMOTE_ADDR="127.0.0.1")
        assert answer.status_code in expected, f"{answer.status_code}: {answer.content[:300]!r}"

    yield from _trouble(f"GET {path}", ask)


def _trouble(what: str, look: Callable[..., object], *arguments: Any, **named: Any) -> Iterator[str]:
    try:
        look(*arguments, **named)
    except Exception as error:  # noqa: BLE001 it is what is looked for
        yield f"{what}: {type(error).__name__}: {str(error)[:300]}"
