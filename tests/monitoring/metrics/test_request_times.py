"""Requests are counted by route and status, in this process and over all of a web server."""

import os
import subprocess
import sys

import httpx
import pytest

from tests.governance import samples
from tests.governance.conftest import fleet, web_server  # noqa: F401 (fixtures)
from tests.monitoring.metrics.text import parse, scrape, value

pytestmark = pytest.mark.slow

COUNT = "juggernaut_http_request_duration_seconds_count"


@pytest.fixture
def counted(client, living_system, look_again):
    """How many requests of a route, method and status were counted."""

    def ask(**labels):
        look_again()
        return value(scrape(client), COUNT, **labels) or 0

    return ask


def test_ids_make_no_routes(client, counted):
    route = {"method": "GET", "route": "/api/tasks/<str:name>", "status": "200"}
    before = counted(**route)

    for _ in range(2):
        client.get(f"/api/tasks/{samples.submit()}")

    assert counted(**route) == before + 2


def test_what_leads_nowhere_is_one_route_and_an_unknown_method_one_method(client, counted):
    nowhere = {"method": "GET", "route": "unmatched", "status": "404"}
    odd = {"method": "other", "route": "/health"}
    before = counted(**nowhere), counted(**odd)

    for path in ("/a", "/b"):
        client.get(path)
    client.generic("BREW", "/health")

    assert counted(**nowhere) == before[0] + 2
    assert counted(**odd) == before[1] + 1


_COUNTING = """
import os, sys, django
django.setup()
from django.test import RequestFactory
from django.http import HttpResponse
from monitoring.metrics.request_times import RequestTimes, register
from prometheus_client import CollectorRegistry, generate_latest
for _ in range(int(sys.argv[1])):
    RequestTimes(lambda request: HttpResponse())(RequestFactory().get("/somewhere"))
registry = CollectorRegistry()
register(registry)
print(generate_latest(registry).decode())
"""


def test_processes_of_one_web_server_are_added_up(tmp_path):
    def count(requests):
        environment = os.environ | {
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "juggernaut.settings",
        }
        command = [sys.executable, "-c", _COUNTING, str(requests)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    count(2)
    said = count(3)

    assert f'{COUNT}{{method="GET",route="unmatched",status="200"}} 5.0' in said


@pytest.mark.slow
def test_the_products_own_web_server_adds_up_its_processes(web_server):  # noqa: F811
    def count():
        return (
            value(parse(httpx.get(f"{web_server}/metrics")), COUNT, route="/health/live", status="200") or 0
        )

    before = count()
    for _ in range(12):
        httpx.get(f"{web_server}/health/live")  # a connection each: any of its processes may take it

    assert count() == before + 12
