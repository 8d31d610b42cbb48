"""Three roles as groups: made by migrating, with what each may do in this version."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection

from governance.access import roles, scopes

pytestmark = pytest.mark.django_db


def permissions_of(role: str) -> set[str]:
    names = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
    return {".".join(name) for name in names}


@pytest.mark.parametrize("role", roles.ROLES)
def test_a_database_that_was_only_migrated_has_every_role_with_its_permissions(role: str):
    assert permissions_of(role) == set(roles.ROLES[role])


@pytest.mark.django_db(transaction=True)
def test_a_test_that_empties_every_table_leaves_the_roles_to_the_next():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM auth_group")

        assert cursor.fetchone() == (3,)


def test_the_migration_itself_makes_the_groups():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations WHERE name = '0018_access_roles'")

        assert cursor.fetchone() == (1,)


def test_a_role_has_just_what_it_has_in_this_version():
    group = Group.objects.get(name="viewer")
    group.permissions.clear()

    roles.group("viewer")

    assert permissions_of("viewer") == set(roles.ROLES["viewer"])


def test_migrating_gives_roles_what_is_new_and_brings_back_one_that_was_deleted():
    Group.objects.get(name="operator").permissions.clear()
    Group.objects.get(name="viewer").delete()

    call_command("migrate", verbosity=0)

    assert permissions_of("operator") == set(roles.ROLES["operator"])
    assert permissions_of("viewer") == set(roles.ROLES["viewer"])


def test_migrating_leaves_the_groups_of_others_alone():
    mine = Group.objects.create(name="night shift")

    call_command("migrate", verbosity=0)

    assert not mine.permissions.exists()


def test_each_role_may_what_the_one_below_it_may():
    viewer, operator, admin = (set(roles.ROLES[role]) for role in ("viewer", "operator", "admin"))

    assert viewer < operator < admin


def test_who_is_on_call_resets_breakers_and_does_not_change_the_rules():
    assert "reliability.change_circuitbreaker" in roles.ROLES["operator"]
    assert "reliability.change_circuitbreaker" not in roles.ROLES["viewer"]
    assert not {"governance.grant_toolpermission", "governance.change_workerbudget"} & set(
        roles.ROLES["operator"]
    )


def test_every_permission_of_a_role_belongs_to_one_scope():
    placed = [name for names in scopes.AREAS.values() for name in names]
    missing = set(roles.ROLES["admin"]) - set(placed)

    assert not missing, f"add to an area of governance/access/scopes.py: {sorted(missing)}"
    assert sorted(placed) == sorted(set(roles.ROLES["admin"]))
