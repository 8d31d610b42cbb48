"""`/health/ready`: the database answers, and is migrated as far as this version needs."""

from django.db.migrations.recorder import MigrationRecorder

from monitoring.health import readiness
from tests.monitoring.conftest import frozen


def get(client):
    response = client.get("/health/ready")
    return response.status_code, response.json()["detail"]


def test_a_migrated_database_is_ready(client, living_system):
    assert get(client) == (200, "the database answers, and is migrated")


def test_a_migration_that_is_missing_is_named(client, living_system, look_anew):
    row = MigrationRecorder.Migration.objects.get(app="monitoring", name="0001_initial")
    row.delete()
    try:
        missing = get(client)
    finally:
        row.save(force_insert=True)
    look_anew()

    assert missing == (503, "not migrated: monitoring.0001_initial (manage.py migrate)")
    assert get(client)[0] == 200


def test_many_that_are_missing_are_counted(client, living_system, monkeypatch):
    later = {("governance", f"9{number:03}_later") for number in range(8)}
    monkeypatch.setattr(readiness, "needed", lambda: frozenset(later))

    status, detail = get(client)

    assert status == 503
    assert detail.startswith("not migrated: governance.9000_later, ")
    assert "and 3 more" in detail


def test_what_a_later_version_has_applied_does_no_harm(client, living_system):
    row = MigrationRecorder.Migration.objects.create(app="governance", name="9999_of_the_next_version")
    try:
        assert get(client)[0] == 200
    finally:
        row.delete()


def test_an_empty_database_says_what_to_do(client, look_anew, postgres, database_at):
    database_at(postgres.port)

    status, detail = get(client)

    assert status == 503
    assert "database" in detail


def test_a_frozen_database_is_told_in_time(client, look_anew, postgres, database_at):
    database_at(postgres.port)

    with frozen(postgres):
        assert get(client) == (503, "database connection failed: no answer within 0.7 s")
