"""What a client and the log hear when the server itself fails."""

import logging
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import connections
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework.exceptions import Throttled

from governance.tasks import selectors
from juggernaut.api import problems
from tests.fleet import enlist
from tests.governance.api_client import Api

REQUEST = RequestFactory().get("/api/tasks")


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask_without_database(port: int) -> Any:
    """A request in a thread, and so on a connection, of its own: to a port where nobody listens."""
    wrapper = connections["default"]
    wrapper.settings_dict = wrapper.settings_dict | {"HOST": "127.0.0.1", "PORT": port}
    return Client().get("/api/tasks", headers={"Authorization": "Bearer x"})


def test_an_absent_database_is_said_in_the_runbooks_words(db, unused_port: int, caplog):
    with caplog.at_level(logging.ERROR), ThreadPoolExecutor(1) as another_thread:
        answer = another_thread.submit(ask_without_database, unused_port).result()

    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "1"
    assert "database connection failed" in answer.json()["detail"]
    assert any(line.startswith("database connection failed: ") for line in caplog.messages)


def test_what_nobody_foresaw_is_logged_and_told_without_its_insides(operator: Api, monkeypatch, caplog):
    monkeypatch.setattr(selectors, "tasks", lambda *_, **__: 1 / 0)
    operator.client.raise_request_exception = False

    with caplog.at_level(logging.ERROR):
        answer = operator.get("tasks")

    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert "division" not in answer.content.decode()
    [record] = [record for record in caplog.records if record.name == "juggernaut.api.problems"]
    assert "GET /api/tasks failed" in record.message
    assert record.exc_info[0] is ZeroDivisionError


def test_a_read_only_database_is_503_until_it_can_be_written(transactional_db, operator: Api, caplog):
    task = {"title": "t", "task_type": "evaluation", "payload": {"eval_type": "metric", "metric_value": 1}}
    enlist()
    with connections["default"].cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")  # as a standby that this session leads to

    try:
        refused = operator.post("tasks", task)
        accepted = operator.post("tasks", task)
    finally:
        connections["default"].close()

    assert (refused.status_code, refused.json().get("detail")) == (
        503,
        "database is read-only; try again in a moment",
    )
    assert refused["Retry-After"] == "1"
    assert not [record for record in caplog.records if record.exc_info]
    assert accepted.status_code == 201  # on a new connection


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Http404(), 404),
        (PermissionDenied(), 403),
        (SuspiciousOperation("odd"), 400),
        (RequestDataTooBig("big"), 413),
        (Throttled(wait=3), 429),
        (psycopg2.OperationalError("server closed the connection unexpectedly"), 503),
        (psycopg2.DataError("not foreseen"), 500),
    ],
)
def test_every_error_is_a_problem_document(error: Exception, status: int):
    answer = problems.handle(error, {"request": REQUEST})

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.headers.get("Retry-After") == {429: "3", 503: "1"}.get(status)


def test_errors_outside_of_the_views_are_problem_documents_too():
    assert problems.bad_request(REQUEST, SuspiciousOperation()).status_code == 400
    assert problems.bad_request(REQUEST, RequestDataTooBig()).status_code == 413
    assert problems.server_error(REQUEST)["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/nowhere", "/apis"])
def test_the_console_keeps_its_own_pages(client: Client, path: str):
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_host_name_that_is_not_ours_is_refused(client: Client):
    api = client.get(f"/api/tasks/{uuid4()}", headers={"Host": "elsewhere.example"})
    page = client.get("/admin/", headers={"Host": "elsewhere.example"})

    assert (api.status_code, page.status_code) == (400, 400)
    assert "JUGGERNAUT_ALLOWED_HOSTS" in api.json()["detail"]
    assert "JUGGERNAUT_ALLOWED_HOSTS" in page.content.decode()
