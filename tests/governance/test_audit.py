"""The audit log: every change once, by whoever made it, and for good."""

import pytest
from django.db import DatabaseError, connection, transaction

from governance.access import permissions
from governance.access.actors import Actor
from governance.audit import log as audit
from governance.errors import PermissionNotFound
from governance.models import AuditEntry, ToolPermission

pytestmark = pytest.mark.django_db
ANN = Actor("user:ann", is_trusted=True)


def sql(statement, *parameters):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def me():
    [(name,)] = sql("SELECT 'sql:' || current_user")
    return name


def entries():
    return list(AuditEntry.objects.order_by("id"))


class TestAChangeMadeInSql:
    def test_is_told_with_before_and_after(self):
        sql("UPDATE worker_tool_permissions SET max_calls_per_day = 5 WHERE worker_id = 'ANALYST'")

        told = entries()
        assert {entry.target for entry in told} == {
            f"permission ANALYST {name}" for name in ("http.get", "sql.query", "model.*")
        }
        assert {(entry.actor, entry.action, entry.reason) for entry in told} == {
            (me(), "permission.update", "")
        }
        assert all(entry.before["max_calls_per_day"] > 5 for entry in told)
        assert told[0].after["max_calls_per_day"] == 5

    def test_is_told_when_a_row_is_put_in_and_taken_out(self):
        sql("INSERT INTO worker_tool_permissions (worker_id, tool_name) VALUES ('ANALYST', 'x.y')")
        sql("DELETE FROM worker_tool_permissions WHERE tool_name = 'x.y'")

        came, went = entries()
        assert (came.action, came.before, came.after["granted_by"]) == ("permission.insert", None, me())
        assert (went.action, went.before["tool_name"], went.after) == ("permission.delete", "x.y", None)

    def test_is_not_told_when_it_changes_nothing(self):
        sql("UPDATE worker_tool_permissions SET effect = effect")

        assert entries() == []

    def test_is_not_told_when_it_did_not_happen(self):
        with transaction.atomic():
            sql("DELETE FROM worker_tool_permissions")
            transaction.set_rollback(True)

        assert entries() == []


class TestAServiceCall:
    def test_is_told_once_with_who_and_why(self):
        permissions.grant("ANALYST", "x.y", actor=ANN, reason="for the audit", max_calls_per_day=3)

        [entry] = entries()
        assert (entry.actor, entry.action) == ("user:ann", "permission.grant")
        assert (entry.target, entry.reason) == ("permission ANALYST x.y", "for the audit")
        assert (entry.before, entry.after["max_calls_per_day"]) == (None, 3)

    @pytest.mark.parametrize("verb", ["deny", "grant_for_a_day", "revoke"])
    def test_is_told_by_its_verb(self, verb):
        ToolPermission.objects.filter(tool_name="sql.query").update(valid_until="2020-01-01T00:00Z")
        before = len(entries())

        getattr(permissions, verb)("ANALYST", "sql.query", actor=ANN, reason="because")

        [entry] = entries()[before:]
        assert (entry.actor, entry.action, entry.reason) == ("user:ann", f"permission.{verb}", "because")

    def test_does_not_lend_its_name_to_what_is_typed_afterwards(self):
        with transaction.atomic():
            permissions.grant("ANALYST", "x.y", actor=ANN)
            sql("DELETE FROM worker_tool_permissions WHERE tool_name = 'x.y'")

        assert [entry.actor for entry in entries()] == ["user:ann", me()]

    def test_that_is_refused_does_not_either(self):
        with transaction.atomic():
            with pytest.raises(PermissionNotFound):
                permissions.revoke("ANALYST", "x.y", actor=ANN)
            sql("DELETE FROM worker_tool_permissions WHERE worker_id = 'ANALYST' AND tool_name = 'model.*'")

        assert [entry.actor for entry in entries()] == [me()]


class TestAnyTable:
    """`audit_change` on a table of any kind: named by its key, the machine's columns left out."""

    @pytest.fixture(autouse=True)
    def limits(self):
        sql("CREATE TABLE limits (name text, at text, usd numeric(18, 9), seen int)")
        sql(
            "CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON limits FOR EACH ROW"
            " EXECUTE FUNCTION audit_change('limit', 'name at', 'seen')"
        )
        sql("INSERT INTO limits VALUES ('FLEET', 'day', 100.000000001, 0)")

    def test_is_told_by_what_names_its_rows(self):
        sql("UPDATE limits SET usd = usd * 0.5")

        entry = entries()[-1]
        assert (entry.action, entry.target) == ("limit.update", "limit FLEET day")
        assert set(entry.after) == {"name", "at", "usd"}

    def test_is_told_to_the_last_digit(self):
        [(usd,)] = sql("SELECT after ->> 'usd' FROM audit_log")

        assert usd == "100.000000001"

    def test_is_not_told_of_what_the_machine_does(self):
        sql("UPDATE limits SET seen = 1")

        assert len(entries()) == 1


@pytest.mark.parametrize(
    ("table", "kind", "target"),
    [
        ("worker_tool_permissions", "permission", "permission ANALYST x.y"),
        ("worker_budgets", "budget", "budget FLEET"),
        ("model_prices", "price", "price local lab/m"),
    ],
)
def test_emptying_a_table_is_told_row_by_row(table, kind, target):
    permissions.grant("ANALYST", "x.y", actor=ANN)
    sql(
        "INSERT INTO model_prices (service, model, input_usd_per_mtok, output_usd_per_mtok)"
        " VALUES ('local', 'lab/m', 1, 2)"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        [rows] = cursor.fetchone()

    sql(f"TRUNCATE {table}")

    told = AuditEntry.objects.filter(action=f"{kind}.truncate")
    assert told.count() == rows > 0
    entry = told.get(target=target)
    assert entry.actor.startswith("sql:")
    assert entry.before is not None
    assert entry.after is None


class TestTheLog:
    @pytest.mark.parametrize("statement", ["UPDATE audit_log SET actor = 'nobody'", "DELETE FROM audit_log"])
    def test_is_not_rewritten(self, statement):
        permissions.grant("ANALYST", "x.y", actor=ANN)

        with pytest.raises(DatabaseError, match="audit_log is append-only"):
            sql(statement)

        assert len(entries()) == 1

    def test_is_not_emptied(self):
        sql("ALTER TABLE audit_log ENABLE TRIGGER audit_log_not_emptied")  # off in tests, see conftest

        with pytest.raises(DatabaseError, match="audit_log is append-only"):
            sql("TRUNCATE audit_log")

    def test_takes_what_no_single_row_tells(self):
        audit.record(
            ANN, action="breakers.reset_all", target="all breakers", reason="calm", after={"reset": 3}
        )

        [entry] = entries()
        assert (entry.actor, entry.action, entry.after) == ("user:ann", "breakers.reset_all", {"reset": 3})


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_refused_outside_of_the_transaction_of_its_deed():
    with pytest.raises(transaction.TransactionManagementError):
        audit.record(ANN, action="something", target="somewhere")
