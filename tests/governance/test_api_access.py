"""Who may use the API: tokens, sessions, and this machine without either."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from governance.models import Task
from juggernaut.models import ApiToken
from juggernaut.security import local_user, peers
from tests.governance import samples
from tests.governance.api_client import Api, make_user, token_of
from tests.ids import NOBODYS_ID

READ = ["tasks", f"tasks/{NOBODYS_ID}", f"tasks/{NOBODYS_ID}/events", "workers"]
WRITE = [
    "tasks",
    "tasks/bulk",
    *(f"tasks/{verb}" for verb in ("cancel", "terminate", "retry")),
    *(f"tasks/{NOBODYS_ID}/{verb}" for verb in ("cancel", "terminate", "retry")),
]
VALID = {
    "tasks": samples.EVALUATION,
    "tasks/bulk": {"tasks": [samples.EVALUATION]},
    **{f"tasks/{verb}": {"ids": [NOBODYS_ID], "reason": "why"} for verb in ("cancel", "terminate", "retry")},
}
RUNBOOK: dict[str, Any] = {
    "HTTP_HOST": "localhost:8000",
    "REMOTE_ADDR": "127.0.0.1",
    "content_type": "application/json",
}


@pytest.mark.parametrize("path", READ)
def test_a_stranger_reads_nothing(nobody: Api, path: str):
    answer = nobody.get(path)

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", WRITE)
def test_a_stranger_changes_nothing(nobody: Api, path: str):
    answer = nobody.post(path, VALID.get(path, {"reason": "why"}))

    assert answer.status_code == 401
    assert not Task.objects.exists()


@pytest.mark.parametrize("path", READ)
def test_reading_needs_a_permission(client_with, path: str):
    answer = client_with("add_task").get(path)

    assert answer.status_code == 403
    assert answer.json()["permission"].startswith("governance.view_")


@pytest.mark.parametrize("path", WRITE)
def test_every_verb_needs_a_permission_of_its_own(client_with, path: str):
    answer = client_with("view_task").post(path, VALID.get(path, {"reason": "why"}))

    verb = path.rpartition("/")[2].replace("tasks", "add").replace("bulk", "add")
    assert answer.status_code == 403
    assert answer.json()["permission"] == f"governance.{verb}_task"


@pytest.mark.parametrize("token", ["", "unknown", "\xff\xfe", "two words"])
def test_a_wrong_token_is_told_so_even_on_this_machine(db, token: str):
    answer = Client().get("/api/tasks", HTTP_AUTHORIZATION=f"Bearer {token}", **RUNBOOK)

    assert answer.status_code == 401


def test_an_expired_token_is_no_longer_one(db):
    client = Api(Authorization=token_of(make_user("ci", "view_task")))
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert client.get("tasks").status_code == 401


def test_a_token_that_expires_later_is_one(db):
    token = token_of(make_user("ci", "view_task")).replace("Bearer", "Token")
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(days=1))

    assert Api(Authorization=token).get("tasks").status_code == 200


def test_a_client_that_was_deactivated_is_shut_out(client_with):
    client = client_with("view_task")
    User.objects.update(is_active=False)

    assert client.get("tasks").status_code == 401


def test_a_superusers_token_may_do_everything(db):
    token = token_of(User.objects.create_superuser("root"))

    answer = Api(Authorization=token).post("tasks", samples.EVALUATION)

    assert answer.status_code == 201
    assert Task.objects.get().created_by == "user:root"


def test_the_runbooks_curl_works_on_this_machine_without_a_token(db):
    answer = Client().post("/api/tasks", samples.EVALUATION, **RUNBOOK)

    assert answer.status_code == 201
    assert Task.objects.get().created_by == "loopback"
    assert Client().get(f"/api/tasks/{answer.json()['id']}", **RUNBOOK).status_code == 200


def test_this_machine_without_a_token_may_not_steer(db):
    task_id = samples.submit()

    answer = Client().post(f"/api/tasks/{task_id}/terminate", {"reason": "why"}, **RUNBOOK)

    assert answer.status_code == 403
    assert Task.objects.get().status == "pending"


def test_the_production_profile_wants_a_token_from_this_machine_too(db, settings):
    settings.IS_LOCAL = False

    assert Client().post("/api/tasks", samples.EVALUATION, **RUNBOOK).status_code == 401


@pytest.mark.parametrize(
    "hint",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "::ffff:192.0.2.7"},
        {"HTTP_HOST": "testserver"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_X_FORWARDED_PROTO": "http"},
        {"HTTP_X_REAL_IP": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_VIA": "1.1 proxy"},
        {"HTTP_ORIGIN": "http://localhost:8000"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-origin"},
        {"HTTP_CF_CONNECTING_IP": "192.0.2.7"},
        {"HTTP_TAILSCALE_USER_LOGIN": "ann"},
        {"HTTP_AUTHORIZATION": "Basic Y2k6Y2k="},
    ],
)
def test_whoever_may_be_somebody_else_needs_a_token(db, hint: dict[str, str]):
    answer = Client().post("/api/tasks", samples.EVALUATION, **(RUNBOOK | hint))

    assert answer.status_code == 401
    assert not Task.objects.exists()


def test_a_name_that_was_led_to_this_machine_gets_nothing(db):
    answer = Client().get("/api/tasks", **(RUNBOOK | {"HTTP_HOST": "rebound.example:8000"}))

    assert answer.status_code == 400


def test_an_address_that_was_typed_into_a_browser_is_asked_from_this_machine(db):
    assert Client().get("/api/tasks", HTTP_SEC_FETCH_SITE="none", **RUNBOOK).status_code == 200


def test_a_trusted_proxy_in_the_settings_asks_everybody_for_a_token(db, settings):
    settings.JUGGERNAUT_TRUSTED_PROXIES = 1

    assert Client().get("/api/tasks", **RUNBOOK).status_code == 401


def test_a_connection_that_the_web_server_does_not_name_is_not_believed(db, monkeypatch):
    monkeypatch.setattr(local_user, "NO_CONNECTION", "the web server does not say")

    answer = Client().get("/api/tasks", **RUNBOOK)

    assert answer.status_code == 401
    assert answer.json()["detail"].endswith(" The web server does not say: use a token.")


def test_a_process_that_serves_others_is_asked_for_a_token_and_told_why(db, monkeypatch):
    seen = []

    def doubt(connection):
        seen.append(connection)
        return "it may be a proxy"

    monkeypatch.setattr(peers, "doubt", doubt)
    ends: dict[str, Any] = {"REMOTE_PORT": "50000", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000"}

    answer = Client().get("/api/tasks", **RUNBOOK, **ends)

    assert answer.status_code == 401
    assert answer.json()["detail"].endswith(" It may be a proxy: use a token.")
    assert seen == [peers.Connection(("127.0.0.1", 50000), ("127.0.0.1", 8000))]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"])
def test_every_loopback_address_is_this_machine(db, address: str):
    assert Client().get("/api/tasks", **(RUNBOOK | {"REMOTE_ADDR": address})).status_code == 200


def test_a_session_needs_the_token_against_forged_requests(db):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user("anna", "add_task"))

    forged = browser.post("/api/tasks", samples.EVALUATION, content_type="application/json")

    assert forged.status_code == 403
    assert forged["Content-Type"] == "application/problem+json"
    assert not Task.objects.exists()


def test_a_session_with_that_token_acts_as_its_user(db):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user("anna", "add_task"))
    browser.cookies["csrftoken"] = secret = "a" * 32

    answer = browser.post(
        "/api/tasks", samples.EVALUATION, content_type="application/json", headers={"X-CSRFToken": secret}
    )

    assert answer.status_code == 201
    assert Task.objects.get().created_by == "user:anna"


@pytest.mark.parametrize("path", ["/api/tasks/", "/api/nothing", "/api//"])
def test_other_addresses_are_a_problem_document_too(client: Client, path: str):
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert path in answer.json()["detail"]


def test_a_wrong_method_names_the_right_ones(operator: Api):
    answer = operator.client.delete("/api/tasks")

    assert answer.status_code == 405
    assert "POST" in answer["Allow"]
    assert answer["Content-Type"] == "application/problem+json"
