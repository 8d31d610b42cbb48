"""Whose name stands in the audit log when people are changed: in the console, by commands, at a login."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.core.management import CommandError, call_command
from django.test import Client

from governance.access.actors import from_login
from governance.models import AuditEntry
from tests.governance.console import person
from tests.juggernaut import people
from tests.juggernaut.people import audit_entries

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NEW = "another horse battery"
USERS, GROUPS = "/admin/auth/user/", "/admin/auth/group/"
LOGIN = "/admin/login/"
ADMIN = "user:root"


@pytest.fixture(autouse=True)
def ada(db: None) -> User:
    return User.objects.create_user("ada", password=PASSWORD, is_staff=True)


@pytest.fixture
def console(ada: User) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password=PASSWORD))
    people.sql("SET CONSTRAINTS ALL IMMEDIATE")
    people.are_audited()
    return client


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> str:
    """Who types commands."""
    monkeypatch.delenv("JUGGERNAUT_ADMIN_PASSWORD", raising=False)
    people.are_audited()
    return from_login().name


def send(client: Client, address: str, **said: Any) -> None:
    answer = client.post(address, said)
    assert answer.status_code == 302, answer.context["errors"]


def form_of(user: User, **changed: Any) -> dict[str, Any]:
    flags = {flag: "on" for flag in ("is_active", "is_staff", "is_superuser") if getattr(user, flag)}
    return {"username": user.username, **flags, **changed}


def trail(client: Client, address: str) -> list[str]:
    return [item.entry.action for item in client.get(address).context["trail"]]


# ------------------------------------------------------------------------------------ the console


def test_a_user_who_is_made_is_told_as_the_admins_deed(console: Client):
    send(console, f"{USERS}add/", username="eve", password1=NEW, password2=NEW, usable_password="true")

    assert audit_entries() == [(ADMIN, "user.create", "user eve")]


def test_rights_groups_and_permissions_that_are_changed_are_told_as_the_admins(console: Client, ada: User):
    viewers = Group.objects.get(name="viewer")
    pausing = Permission.objects.get(codename="pause_fleet")

    send(
        console, f"{USERS}{ada.pk}/change/",
        **form_of(ada, is_superuser="on", groups=[viewers.pk], user_permissions=[pausing.pk]),
    )  # fmt: skip

    assert sorted(audit_entries()) == [
        (ADMIN, "user.change", "user ada"),
        (ADMIN, "user.grant", "user ada"),
        (ADMIN, "user.join", "user ada"),
    ]


def test_a_password_that_an_admin_sets_is_told_as_theirs(console: Client, ada: User):
    send(
        console, f"{USERS}{ada.pk}/password/",
        password1=NEW, password2=NEW, usable_password="true", **{"set-password": "1"},
    )  # fmt: skip

    assert audit_entries() == [(ADMIN, "user.password", "user ada")]
    assert not [digest for digest in people.hashes() if digest in people.kept()]


def test_ones_own_password_is_told_as_ones_own(console: Client):
    send(
        console, "/admin/password_change/",
        old_password=PASSWORD, new_password1=NEW, new_password2=NEW,
    )  # fmt: skip

    assert audit_entries() == [(ADMIN, "user.password", "user root")]
    assert console.get("/admin/").status_code == 200


def test_a_password_that_is_refused_is_not_told(console: Client):
    answer = console.post(
        "/admin/password_change/",
        {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"},
    )

    assert answer.status_code == 200
    assert "too short" in answer.content.decode()
    assert audit_entries() == []


def test_users_who_are_deleted_are_told_as_the_admins_deed(console: Client, ada: User):
    bob = User.objects.create_user("bob")
    seen = len(audit_entries())

    send(console, f"{USERS}{ada.pk}/delete/", post="yes")
    send(console, USERS, action="delete_selected", _selected_action=[bob.pk], post="yes")

    assert audit_entries()[seen:] == [(ADMIN, "user.delete", "user ada"), (ADMIN, "user.delete", "user bob")]


def test_groups_are_told_as_the_admins_deed(console: Client):
    pausing = Permission.objects.get(codename="pause_fleet")

    send(console, f"{GROUPS}add/", name="night shift", permissions=[pausing.pk])
    night = Group.objects.get(name="night shift")
    send(console, f"{GROUPS}{night.pk}/change/", name="late shift", permissions=[])
    send(console, f"{GROUPS}{night.pk}/delete/", post="yes")

    assert audit_entries() == [
        (ADMIN, "group.create", "group night shift"), (ADMIN, "group.grant", "group night shift"),
        (ADMIN, "group.change", "group late shift"), (ADMIN, "group.revoke", "group late shift"),
        (ADMIN, "group.delete", "group late shift"),
    ]  # fmt: skip


def test_the_admins_name_is_lent_to_nobody_afterwards(console: Client, ada: User):
    send(console, f"{USERS}{ada.pk}/change/", **form_of(ada, email="ada@example.org"))
    people.sql("UPDATE auth_user SET is_superuser = true WHERE username = 'ada'")

    assert [actor for actor, *_ in audit_entries()] == [ADMIN, people.typist()]


def test_the_page_of_a_user_and_of_a_group_shows_what_was_done_to_it(console: Client, ada: User):
    viewers = Group.objects.get(name="viewer")
    send(console, f"{USERS}{ada.pk}/change/", **form_of(ada, groups=[viewers.pk]))
    viewers.permissions.clear()

    assert trail(console, f"{USERS}{ada.pk}/change/") == ["user.join"]
    assert trail(console, f"{GROUPS}{viewers.pk}/change/") == ["group.revoke"]


def test_who_may_not_read_the_log_is_told_nothing_about_it(ada: User, client: Client):
    client.force_login(person("auth.view_user"))

    page = client.get(f"{USERS}{ada.pk}/change/").content.decode()

    assert "ada" in page
    assert "Who changed it" not in page


def test_the_page_says_names_as_words_and_leaves_out_what_says_nothing(console: Client):
    send(console, f"{USERS}add/", username="eve", password1=NEW, password2=NEW, usable_password="true")
    eve = User.objects.get(username="eve")
    eve.groups.add(*Group.objects.filter(name__in=["viewer", "operator"]))

    page = console.get(f"{USERS}{eve.pk}/change/").content.decode()

    assert "groups: – → operator, viewer" in page
    assert "is_superuser: – → false" in page
    assert "email: –" not in page
    assert "date_joined: –" not in page


@pytest.mark.parametrize("kind", ["user", "group"])
def test_the_audit_page_is_filtered_by_the_new_kinds(console: Client, ada: User, kind: str):
    ada.groups.add(Group.objects.get(name="viewer"))
    Group.objects.create(name="night shift")

    shown = console.get("/admin/governance/auditentry/", {"kind": kind}).context["cl"].result_list

    assert [entry.action.partition(".")[0] for entry in shown] == [kind]


# ---------------------------------------------------------------------------------------- a login


def log_in(password: str = PASSWORD) -> int:
    return Client().post(LOGIN, {"username": "ada", "password": password}).status_code


def test_a_login_is_not_told(ada: User):
    people.are_audited()

    assert log_in() == 302
    assert log_in("wrong") == 200

    ada.refresh_from_db()
    assert ada.last_login is not None
    assert audit_entries() == []


def test_a_hash_that_a_login_upgrades_is_told_as_the_owners_and_as_no_new_password(ada: User):
    ada.password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    ada.save()
    people.are_audited()

    assert log_in("wrong") == 200
    assert log_in() == 302
    assert log_in() == 302

    assert audit_entries() == [("user:ada", "user.rehash", "user ada")]
    assert "the same password" in AuditEntry.objects.get().reason
    assert not [digest for digest in people.hashes() if digest in people.kept()]


# ---------------------------------------------------------------------------------- the commands


def test_the_first_operator_is_told_as_made_by_who_ran_the_command(operator: str):
    call_command("create_operator", stdout=StringIO())

    assert audit_entries() == [(operator, "user.create", "user admin")]
    assert AuditEntry.objects.get().reason == "the first operator"


def test_a_client_who_comes_with_a_token_is_told_as_made_by_who_made_it(operator: str):
    call_command("create_token", "ci", "--reason", "builds", stdout=StringIO())

    assert audit_entries() == [(operator, "user.create", "user ci"), (operator, "user.join", "user ci")]
    assert set(AuditEntry.objects.values_list("reason", flat=True)) == {"builds"}


def test_a_password_set_at_the_prompt_is_told_as_of_who_ran_the_command(
    operator: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("getpass.getpass", lambda prompt: NEW)

    call_command("changepassword", "ada", stdout=StringIO())

    assert User.objects.get(username="ada").check_password(NEW)
    assert audit_entries() == [(operator, "user.password", "user ada")]


def test_a_password_that_the_prompt_refuses_is_not_told(operator: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("getpass.getpass", lambda prompt: "short")

    with pytest.raises(CommandError, match="Aborting"):
        call_command("changepassword", "ada", stdout=StringIO(), stderr=StringIO())

    assert audit_entries() == []


def test_a_superuser_made_at_the_prompt_is_told_as_of_who_ran_the_command(
    operator: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", NEW)

    call_command("createsuperuser", "--no-input", "--username", "eve", "--email", "", stdout=StringIO())

    assert audit_entries() == [(operator, "user.create", "user eve")]


@pytest.mark.django_db(transaction=True)
def test_set_up_tells_of_the_first_operator_once_and_nothing_else(
    operator: str, request: pytest.FixtureRequest
):
    request.addfinalizer(lambda: people.are_audited(False))
    seen = len(audit_entries())

    call_command("set_up", stdout=StringIO())
    call_command("set_up", stdout=StringIO())

    assert audit_entries()[seen:] == [(operator, "user.create", "user admin")]
