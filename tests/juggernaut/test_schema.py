"""The document of the database schema is what the command would write."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from juggernaut import schema
from juggernaut.schema import catalogue, purposes
from reliability.breakers.models import CircuitBreaker

pytestmark = pytest.mark.django_db


def test_the_document_is_what_the_database_says():
    assert schema.PATH.read_text() == schema.text(), "run manage.py write_schema"


def test_the_command_writes_what_the_check_asks_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(schema, "PATH", tmp_path / "docs" / "architecture" / "schema.md")
    schema.PATH.parent.mkdir(parents=True)
    with pytest.raises(CommandError, match=r"run manage\.py write_schema"):
        call_command("write_schema", "--check")

    call_command("write_schema")

    assert "is written" in capsys.readouterr().out
    call_command("write_schema", "--check")
    assert "is up to date" in capsys.readouterr().out


def test_what_migrations_made_in_sql_is_told_too():
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX by_hand ON circuit_breakers (mode_by)")

    found = catalogue.table("circuit_breakers")

    assert catalogue.Part("by_hand", "btree (mode_by)") in found.indexes
    assert "breaker_audited" in " ".join(trigger.name for trigger in found.triggers)


def test_purposes_come_from_the_comments_of_the_models():
    assert purposes.of_parts(CircuitBreaker)["breaker_disabled_until"] == (
        "Calls without a breaker are an exception that ends by itself."
    )
    assert purposes.of_table(CircuitBreaker).startswith("A breaker (`circuit_breakers`): settings")
