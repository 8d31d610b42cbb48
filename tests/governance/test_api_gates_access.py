"""Who may ask and steer the gates through the API: nobody, each permission, each role."""

from typing import Any
from uuid import uuid4

import pytest

from governance.access import approvals
from governance.costs import operator_prices
from governance.models import AuditEntry
from tests.governance import samples
from tests.governance.api_client import Api, of_role

READ = {
    "budgets": "view_workerbudget",
    "budgets/FLEET": "view_workerbudget",
    "tasks/{task}/budget": "view_workerbudget",
    "permissions": "view_toolpermission",
    "permissions/check?worker=ANALYST&tool=http.get": "view_toolpermission",
    "approvals": "view_approval",
    "approvals/{approval}": "view_approval",
    "tool-executions": "view_toolexecution",
    "prices": "view_modelprice",
}
PERMISSION = {"worker_id": "ANALYST", "tool_name": "http.get"}
PRICE = {"service": "local", "model": "m", "input_usd_per_mtok": "1", "output_usd_per_mtok": "2"}
RULE: dict[str, tuple[str, dict[str, Any]]] = {
    "budgets/FLEET/raise": ("change_workerbudget", {}),
    "budgets/FLEET/halve": ("change_workerbudget", {}),
    "budgets/FLEET/scale": ("change_workerbudget", {"factor": "0.9"}),
    "budgets/raise": ("change_workerbudget", {"scopes": ["ANALYST"]}),
    "budgets/halve": ("change_workerbudget", {"scopes": ["ANALYST"]}),
    "budgets/scale": ("change_workerbudget", {"scopes": ["ANALYST"], "factor": 3}),
    "permissions/grant": ("grant_toolpermission", PERMISSION | {"max_calls_per_day": 3}),
    "permissions/grant-for-a-day": ("grant_toolpermission", PERMISSION | {"tool_name": "x.y"}),
    "permissions/deny": ("grant_toolpermission", PERMISSION),
    "permissions/revoke": ("grant_toolpermission", PERMISSION),
    "prices": ("change_modelprice", PRICE),
    "prices/remove": ("change_modelprice", {"service": "old", "model": "m"}),
}
DECIDE: dict[str, tuple[str, dict[str, Any]]] = {
    "approvals/{approval}/approve": ("decide_approval", {}),
    "approvals/{approval}/reject": ("decide_approval", {"reason": "no"}),
    "approvals/approve": ("decide_approval", {"ids": ["{approval}"]}),
    "approvals/reject": ("decide_approval", {"ids": ["{approval}"], "reason": "no"}),
}
WRITE = RULE | DECIDE


@pytest.fixture
def places(db: None) -> dict[str, Any]:
    operator_prices.set_price("old", "m", actor=samples.SYSTEM, input_usd_per_mtok=1, output_usd_per_mtok=1)
    asked = approvals.require("EXECUTOR", "notify.send", {"to": "ann"})
    return {"approval": asked.approval_id, "task": samples.submit()}


def post(client: Api, path: str, places: dict[str, Any]) -> Any:
    body = dict(WRITE[path][1])
    if "ids" in body:
        body["ids"] = [str(places["approval"])]
    return client.post(path.format(**places), body)


def changes() -> int:
    return AuditEntry.objects.count()


@pytest.mark.parametrize("path", READ)
def test_a_stranger_reads_nothing(nobody: Api, places: dict[str, Any], path: str):
    answer = nobody.get(path.format(**places))

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", WRITE)
def test_a_stranger_changes_nothing(nobody: Api, places: dict[str, Any], path: str):
    before = changes()

    assert post(nobody, path, places).status_code == 401
    assert changes() == before


@pytest.mark.parametrize(("path", "permission"), READ.items())
def test_reading_needs_a_permission(client_with, places: dict[str, Any], path: str, permission: str):
    answer = client_with("view_task").get(path.format(**places))

    assert answer.status_code == 403
    assert answer.json()["permission"] == f"governance.{permission}"
    assert client_with(permission, name="other").get(path.format(**places)).status_code == 200


@pytest.mark.parametrize("path", WRITE)
def test_every_verb_needs_a_permission_of_its_own(client_with, places: dict[str, Any], path: str):
    permission = WRITE[path][0]
    before = changes()

    answer = post(client_with("view_task", "add_task"), path, places)

    assert answer.status_code == 403
    assert answer.json()["permission"] == f"governance.{permission}"
    assert changes() == before


@pytest.mark.parametrize("path", READ)
def test_every_role_reads(places: dict[str, Any], path: str):
    assert of_role("viewer").get(path.format(**places)).status_code == 200


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        *(("viewer", path, 403) for path in WRITE),
        *(("operator", path, 403) for path in RULE),
        *(("operator", path, 200) for path in DECIDE),
        *(("admin", path, 200) for path in WRITE),
    ],
)
def test_operators_decide_and_admins_rule(role: str, path: str, status: int, places: dict[str, Any]):
    before = changes()

    answer = post(of_role(role), path, places)

    assert answer.status_code == status, answer.content
    assert (changes() > before) == (status == 200)


def test_a_limit_is_set_by_admins_only(operator: Api, admin: Api):
    assert operator.patch("budgets/ANALYST", {"daily_limit": "1"}).status_code == 403
    assert admin.patch("budgets/ANALYST", {"daily_limit": "1"}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["approvals/{id}", "tool-executions/{id}", "tasks/{id}/budget", "budgets/task:{id}", "budgets/NOBODY"],
)
@pytest.mark.parametrize("name", ["2f1a8a0e-0000-7000-8000-000000000000", "nonsense"])
def test_what_is_not_there_is_not_found(operator: Api, path: str, name: str):
    answer = operator.get(path.format(id=name))

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_what_is_no_approval_cannot_be_decided(operator: Api, verb: str):
    for name in (uuid4(), "nonsense"):
        assert operator.post(f"approvals/{name}/{verb}", {"reason": "why"}).status_code == 404


def test_everything_is_listed_in_the_index(admin: Api):
    index = admin.get("").json()

    for name, address in index.items():
        if name.endswith("_url") and name != "bulk_url":
            path = address.partition("/api/")[2]
            assert admin.get(path).status_code == 200, name
