"""Tokens of clients: made, told once, narrower than their owner if wanted, watched and revoked."""

import json
import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from governance.access import actors, roles
from governance.access.actors import Actor, from_command
from governance.errors import Forbidden, InvalidInput
from governance.models import AuditEntry, Task
from juggernaut.api_tokens import services as api_tokens
from juggernaut.models import ApiToken
from tests.governance import samples
from tests.governance.api_client import Api, make_user, of_role
from tests.ids import NOBODYS_ID

pytestmark = pytest.mark.django_db
SHELL = from_command("test")


@pytest.fixture(autouse=True)
def tokens_are_audited(db: None):
    """As everywhere but in tests, see tests/conftest.py."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE api_tokens ENABLE TRIGGER api_token_audited")


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue().strip()


def run_json(name: str, *arguments: str) -> Any:
    return json.loads(run(name, *arguments, "--json"))


def client_of_text(token: str) -> Api:
    return Api(Authorization=f"Bearer {token}")


def person(name: str, role: str) -> Actor:
    user = User.objects.create_user(name)
    roles.assign(user, role)
    return actors.from_user(User.objects.get(pk=user.pk))


# ------------------------------------------------------------------------------------- making them


def test_a_token_opens_the_api_to_a_new_operator():
    token = run("create_token", "ci")

    assert client_of_text(token).post("tasks", samples.EVALUATION).status_code == 201
    assert Task.objects.get().created_by == "user:ci"
    assert not User.objects.get(username="ci").has_usable_password()


def test_only_a_hash_of_a_token_is_kept():
    token = run("create_token", "ci")

    kept = f"{list(ApiToken.objects.values())}{list(AuditEntry.objects.values())}"
    assert token not in kept
    assert token[api_tokens.HINT_LENGTH :] not in kept


def test_a_token_may_be_for_looking_only():
    token = run_json("create_token", "screen", "--role", "viewer")["token"]
    viewer = client_of_text(token)

    assert viewer.get("tasks").status_code == viewer.get("workers").status_code == 200
    assert viewer.post("tasks", samples.EVALUATION).status_code == 403


def test_a_known_client_keeps_its_role_until_told_otherwise():
    run("create_token", "ci", "--role", "viewer")
    run("create_token", "ci")
    assert [group.name for group in User.objects.get(username="ci").groups.all()] == ["viewer"]

    run("create_token", "ci", "--role", "admin")
    assert [group.name for group in User.objects.get(username="ci").groups.all()] == ["admin"]
    assert ApiToken.objects.count() == 3


def test_a_token_may_expire():
    run("create_token", "ci", "--days", "30")

    soon, late = (timezone.now() + timedelta(days=days) for days in (29, 31))
    assert ApiToken.objects.filter(expires_at__gt=soon, expires_at__lt=late).exists()


@pytest.mark.parametrize(
    "arguments",
    [[""], ["x" * 101], ["ci", "--days", "0"], ["ci", "--role", "king"], ["ci", "--scopes", "tasks"]],
)
def test_a_token_that_makes_no_sense_is_refused(arguments: list[str]):
    with pytest.raises(CommandError):
        run("create_token", *arguments)

    assert not ApiToken.objects.exists()
    assert not User.objects.exists()


def test_an_unknown_scope_is_told_with_those_that_there_are():
    with pytest.raises(InvalidInput, match=r"scopes: unknown: tasks:all; expected .*tasks:write"):
        api_tokens.create("ci", actor=SHELL, scopes_=["tasks:all"])


def test_a_row_without_scopes_cannot_be_typed_in():
    api_tokens.create("ci", actor=SHELL)

    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.update(scopes=[])


# ------------------------------------------------------------------------------ what they may do


def test_a_token_may_be_narrower_than_its_owner():
    token = run("create_token", "ci", "--role", "admin", "--scopes", "tasks:write", "dlq:read")
    client = client_of_text(token)

    assert client.post("tasks", samples.EVALUATION).status_code == 201
    assert client.get("dlq").status_code == 200
    assert client.get("tasks").status_code == 403
    assert client.post(f"dlq/{NOBODYS_ID}/retry").status_code == 403
    assert client.get("budgets").status_code == 403


def test_a_role_as_a_scope_bounds_the_token_of_a_superuser():
    User.objects.create_superuser("root")
    made = api_tokens.create("root", actor=SHELL, scopes_=["viewer"])
    client = client_of_text(made.text)

    assert client.get("budgets").status_code == 200
    assert client.post("tasks", samples.EVALUATION).status_code == 403


def test_a_scope_gives_nothing_that_the_owner_lacks():
    token = run("create_token", "screen", "--role", "viewer", "--scopes", "admin")

    assert client_of_text(token).post("tasks", samples.EVALUATION).status_code == 403


def test_a_scope_that_this_version_does_not_know_allows_nothing():
    made = api_tokens.create("ci", actor=SHELL)
    ApiToken.objects.update(scopes=["future:write"])

    assert client_of_text(made.text).get("tasks").status_code == 403


# --------------------------------------------------------------------------------- who makes them


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_who_rules_makes_and_revokes_tokens(role: str):
    made = api_tokens.create("ci", actor=SHELL)
    actor = person("ada", role)

    with pytest.raises(Forbidden):
        api_tokens.create("mine", actor=actor)
    with pytest.raises(Forbidden):
        api_tokens.revoke(made.row.pk, actor=actor)

    assert ApiToken.objects.count() == 1


def test_nobody_makes_a_token_that_may_more_than_they_may():
    staff = make_user("staff")
    staff.user_permissions.set(roles.group("admin").permissions.filter(codename="add_apitoken"))

    with pytest.raises(Forbidden):
        api_tokens.create("ci", actor=actors.from_user(staff))

    assert not User.objects.filter(username="ci").exists()


def test_nobody_acts_under_the_name_of_another_person():
    User.objects.create_superuser("root")

    with pytest.raises(Forbidden, match=r"auth\.change_user"):
        api_tokens.create("root", actor=person("ada", "admin"), scopes_=["viewer"])


def test_an_admin_changes_no_known_clients_role_by_the_way():
    api_tokens.create("ci", actor=SHELL, role="viewer")

    with pytest.raises(Forbidden, match=r"auth\.change_user"):
        api_tokens.create("ci", actor=person("ada", "admin"), role="admin")

    assert [group.name for group in User.objects.get(username="ci").groups.all()] == ["viewer"]


def test_an_admin_makes_tokens_for_clients_and_for_themselves():
    ada = person("ada", "admin")

    api_tokens.create("ci", actor=ada)
    api_tokens.create("ada", actor=ada)

    assert {row.created_by for row in ApiToken.objects.all()} == {"user:ada"}


# ------------------------------------------------------------------------------------- last use


def test_the_last_use_is_noted_once_a_minute_and_costs_no_query_otherwise():
    client = client_of_text(api_tokens.create("ci", actor=SHELL).text)
    client.get("fleet")
    first = ApiToken.objects.get().last_used_at

    with CaptureQueriesContext(connection) as queries:
        client.get("fleet")

    assert first is not None
    assert ApiToken.objects.get().last_used_at == first
    of_tokens = [query["sql"] for query in queries if re.search("api_tokens|token_owner", query["sql"])]
    assert [sql.split("(")[0] for sql in of_tokens] == ["EXECUTE juggernaut_token_owner"]


def test_a_use_after_a_minute_is_noted_again():
    client = client_of_text(api_tokens.create("ci", actor=SHELL).text)
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))

    client.get("fleet")

    assert ApiToken.objects.filter(last_used_at__gt=timezone.now() - timedelta(seconds=60)).exists()


# ----------------------------------------------------------------------- the list, and the end of it


def test_the_list_tells_owner_scopes_times_and_never_the_digest():
    made = api_tokens.create("ci", actor=SHELL, scopes_=["tasks:read"], note="nightly build")

    [row] = run_json("list_tokens")["tokens"]

    assert (row["client"], row["scopes"], row["note"], row["last_used_at"]) == (
        "ci", ["tasks:read"], "nightly build", None,
    )  # fmt: skip
    assert made.row.digest not in run("list_tokens")
    assert "never used" in run("list_tokens", "--client", "ci")
    assert run("list_tokens", "--client", "somebody") == "no tokens"


def test_a_revoked_token_is_shut_out_at_once():
    made = api_tokens.create("ci", actor=SHELL)
    client = client_of_text(made.text)
    assert client.get("tasks").status_code == 200

    run("revoke_token", str(made.row.pk), "--reason", "leaked")

    assert client.get("tasks").status_code == 401
    entry = AuditEntry.objects.get(action="token.revoke")
    assert (entry.reason, entry.target) == ("leaked", f"token {made.row.pk}")


def test_several_are_revoked_together_or_none():
    made = api_tokens.create("ci", actor=SHELL)

    with pytest.raises(CommandError, match="no token has the id"):
        run("revoke_token", str(made.row.pk), NOBODYS_ID, "--reason", "why")

    assert ApiToken.objects.exists()


def test_making_a_token_stands_in_the_audit_log():
    made = api_tokens.create("ci", actor=person("ada", "admin"), reason="the new build server")

    entry = AuditEntry.objects.get(action="token.create")
    assert (entry.actor, entry.reason) == ("user:ada", "the new build server")
    assert '"scopes": ["*"]' in json.dumps(entry.after)
    assert made.row.digest not in str(entry.after)


# ------------------------------------------------------------------------------------- over HTTP


def test_an_admin_makes_lists_and_revokes_tokens_over_http():
    admin = of_role("admin")

    created = admin.post("tokens", {"client": "ci", "scopes": ["tasks:write"], "reason": "new"})

    assert created.status_code == 201
    assert created["Cache-Control"] == "no-store"
    token = created.json()["token"]
    assert client_of_text(token).post("tasks", samples.EVALUATION).status_code == 201
    listed = admin.get("tokens", client="ci")
    assert token not in listed.content.decode()
    [row] = listed.json()["tokens"]
    assert admin.delete(f"tokens/{row['id']}").status_code == 204
    assert client_of_text(token).get("tasks").status_code == 401
    assert admin.delete(f"tokens/{row['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "client"),
        ({"client": ""}, "client"),
        ({"client": "ci", "role": "king"}, "role"),
        ({"client": "ci", "scopes": []}, "scopes"),
        ({"client": "ci", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"client": "ci", "power": 9000}, "power"),
    ],
)
def test_a_wish_that_makes_no_sense_names_the_field(body: dict[str, Any], field: str):
    answer = of_role("admin").post("tokens", body)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
