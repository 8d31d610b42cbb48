"""Users and groups in the audit log: told by the database, whatever door the change came through."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.db import transaction

from governance.access import roles
from governance.access.actors import Actor, from_login
from governance.audit import log as audit
from governance.models import AuditEntry
from tests.juggernaut import people
from tests.juggernaut.people import audit_entries, sql, told

pytestmark = pytest.mark.django_db
ADA = "(SELECT id FROM auth_user WHERE username = 'ada')"
OPERATORS = "(SELECT id FROM auth_group WHERE name = 'operator')"
VIEWERS = "(SELECT id FROM auth_group WHERE name = 'viewer')"


@pytest.fixture(autouse=True)
def ada(db: None) -> User:
    user = User.objects.create_user("ada", email="ada@example.org", password="correct horse battery")
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    people.are_audited()
    return user


@pytest.fixture
def me() -> str:
    return people.typist()


# ----------------------------------------------------------------------------------------- users


def test_a_user_who_is_typed_in_is_told(me: str):
    sql(
        "INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser, is_staff,"
        " is_active, date_joined) VALUES ('eve', 'secret$hash', '', '', '', true, true, true, now())"
    )

    [(actor, action, target, before, after)] = told()
    assert (actor, action, target, before) == (me, "user.insert", "user eve", None)
    assert after["is_superuser"] is True
    assert "secret$hash" not in people.kept()


def test_a_right_that_is_typed_in_is_told_with_before_and_after(me: str):
    sql("UPDATE auth_user SET is_superuser = true WHERE username = 'ada'")

    [(actor, action, target, before, after)] = told()
    assert (actor, action, target) == (me, "user.update", "user ada")
    assert (before["is_superuser"], after["is_superuser"]) == (False, True)


def test_a_user_who_is_deleted_is_told_with_what_they_had(ada: User, me: str):
    ada.groups.add(Group.objects.get(name="viewer"))
    ada.user_permissions.add(Permission.objects.get(codename="pause_fleet"))
    seen = len(told())

    ada.delete()

    assert sorted(audit_entries()[seen:]) == [
        (me, "user.delete", "user ada"), (me, "user.leave", "user ada"), (me, "user.revoke", "user ada"),
    ]  # fmt: skip


def test_a_login_alone_is_not_told(ada: User):
    sql("UPDATE auth_user SET last_login = now()")

    assert told() == []


def test_saving_a_user_who_is_as_before_is_not_told(ada: User):
    ada.save()

    assert told() == []


def test_what_was_rolled_back_is_not_told(ada: User):
    with transaction.atomic():
        ada.delete()
        transaction.set_rollback(True)

    assert told() == []


# ------------------------------------------------------------------------------------- passwords


def test_a_password_typed_in_is_told_without_its_hash(me: str):
    sql("UPDATE auth_user SET password = 'secret$hash'")

    assert told() == [
        (me, "user.password", "user ada", {"password": "set"}, {"password": "set anew"}),
    ]  # fmt: skip


def test_a_password_that_is_changed_with_other_things_is_told_beside_them(ada: User):
    ada.is_staff = True
    ada.set_password("another horse battery")
    ada.save()

    assert [action for _, action, _ in audit_entries()] == ["user.update", "user.password"]


def test_a_password_that_is_taken_or_given_is_told_as_that(ada: User):
    ada.set_unusable_password()
    ada.save()
    ada.set_unusable_password()
    ada.save()
    ada.set_password("another horse battery")
    ada.save()

    assert [(before, after) for *_, before, after in told()] == [
        ({"password": "set"}, {"password": "none"}), ({"password": "none"}, {"password": "set"}),
    ]  # fmt: skip


def test_no_hash_ever_stands_in_the_log(ada: User):
    used = people.hashes()
    for password in ("one horse battery", "two horse battery"):
        ada.set_password(password)
        ada.save()
        used |= people.hashes()
    User.objects.create_superuser("root", password="correct horse battery")
    used |= people.hashes()
    with transaction.atomic():
        sql("TRUNCATE auth_user CASCADE")

    assert len(used) == 4
    assert [digest for digest in used if digest in people.kept()] == []
    assert "user.truncate" in {action for _, action, _ in audit_entries()}


# ---------------------------------------------------------------------- members and permissions


def test_joining_moving_and_leaving_are_told_by_name(me: str):
    sql(f"INSERT INTO auth_user_groups (user_id, group_id) VALUES ({ADA}, {VIEWERS})")
    sql(f"UPDATE auth_user_groups SET group_id = {OPERATORS}")
    sql("DELETE FROM auth_user_groups")

    assert told() == [
        (me, "user.join", "user ada", None, {"groups": ["viewer"]}),
        (me, "user.leave", "user ada", {"groups": ["viewer"]}, None),
        (me, "user.join", "user ada", None, {"groups": ["operator"]}),
        (me, "user.leave", "user ada", {"groups": ["operator"]}, None),
    ]


def test_memberships_that_are_as_before_are_not_told(ada: User):
    ada.groups.add(Group.objects.get(name="viewer"))
    seen = len(told())

    ada.groups.add(Group.objects.get(name="viewer"))
    sql("UPDATE auth_user_groups SET group_id = group_id", "DELETE FROM auth_user_groups WHERE false")

    assert len(told()) == seen == 1


def test_permissions_given_directly_are_told_once_for_each_person_and_statement(ada: User, me: str):
    bob = User.objects.create_user("bob")
    wanted = Permission.objects.filter(codename__in=["pause_fleet", "cancel_task"])
    seen = len(told())

    sql(
        "INSERT INTO auth_user_user_permissions (user_id, permission_id) SELECT u.id, p.id"
        f" FROM auth_user u, auth_permission p WHERE p.id IN ({wanted[0].pk}, {wanted[1].pk})"
    )
    sql(f"DELETE FROM auth_user_user_permissions WHERE user_id = {bob.pk}")

    names = {"permissions": ["governance.cancel_task", "governance.pause_fleet"]}
    assert sorted(told()[seen:], key=lambda entry: entry[1:3]) == [
        (me, "user.grant", "user ada", None, names),
        (me, "user.grant", "user bob", None, names),
        (me, "user.revoke", "user bob", names, None),
    ]


def test_a_group_is_told_with_its_name_and_its_permissions(me: str):
    night = Group.objects.create(name="night shift")
    night.permissions.set(Permission.objects.filter(codename__in=["pause_fleet", "cancel_task"]))
    night.permissions.remove(Permission.objects.get(codename="pause_fleet"))
    sql("UPDATE auth_group SET name = 'late shift' WHERE name = 'night shift'")
    Group.objects.get(name="late shift").delete()

    assert [(action, target) for _, action, target in audit_entries()] == [
        ("group.insert", "group night shift"), ("group.grant", "group night shift"),
        ("group.revoke", "group night shift"), ("group.update", "group late shift"),
        ("group.revoke", "group late shift"), ("group.delete", "group late shift"),
    ]  # fmt: skip
    assert told()[2][3] == {"permissions": ["governance.pause_fleet"]}
    assert {actor for actor, *_ in told()} == {me}


def test_what_hangs_on_a_user_who_is_gone_already_is_told_by_number(ada: User):
    ada.groups.add(Group.objects.get(name="viewer"))
    sql("SET CONSTRAINTS ALL DEFERRED", "DELETE FROM auth_user", "DELETE FROM auth_user_groups")

    assert audit_entries()[-1][1:] == ("user.leave", f"user #{ada.pk}")


def test_emptying_what_was_given_is_told(ada: User, me: str):
    ada.groups.add(Group.objects.get(name="viewer"))
    sql("SET CONSTRAINTS ALL IMMEDIATE", "TRUNCATE auth_user_groups")

    assert told()[-1] == (me, "user.leave", "user ada", {"groups": ["viewer"]}, None)


# ----------------------------------------------------------------------------------- migrations


def test_migrating_tells_what_a_role_gained_and_twice_nothing():
    viewers = Group.objects.get(name="viewer")
    sql(f"DELETE FROM auth_group_permissions WHERE group_id = {viewers.pk}")
    seen = len(told())

    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0)

    [(actor, action, target, before, after)] = told()[seen:]
    assert (actor, action, target, before) == (from_login().name, "group.grant", "group viewer", None)
    assert after["permissions"] == sorted(roles.ROLES["viewer"])
    assert AuditEntry.objects.latest("id").reason.startswith("the roles of version ")


def test_a_role_is_told_as_given_by_who_gives_it(ada: User):
    with audit.acting(Actor("user:root"), verb="create", reason="she starts today"):
        roles.assign(ada, "viewer")

    assert audit_entries() == [("user:root", "user.join", "user ada")]
    assert AuditEntry.objects.get().reason == "she starts today"
