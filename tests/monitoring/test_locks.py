"""Somebody's lock: health counts what waits for it, the diagnosis names who holds it."""

from datetime import timedelta

import pytest

from governance.models import WorkerProcess
from governance.tasks import transitions
from governance.tasks.transitions.types import AttemptReport
from governance.tasks.waits import for_lock
from monitoring.diagnosis import Severity, sections
from monitoring.diagnosis.areas import lock_holders
from monitoring.health import report as health
from tests.governance import lives
from tests.governance.lives import held
from tests.governance.races import meanwhile, somebody_else, until_someone_waits_for_a_lock
from tests.polling import until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("living_system")]
SECRET = "sk-or-v1-" + "0123456789abcdef" * 2


@pytest.fixture
def psql(monkeypatch):
    monkeypatch.setattr(lock_holders, "HELD_SECONDS", 0)
    with somebody_else() as session:
        session.execute("SET application_name = 'psql'")
        yield session


def database():
    [section] = sections.run(["database"])
    return section


def of_locks(section):
    return [finding for finding in section.findings if "hold locks" in finding.said]


def test_nothing_waits_and_nobody_is_named():
    entry = health.report()["database"]

    assert entry["status"] == "ok"
    assert entry["lock_waits"] == {"statements": 0, "unrenewed": 0, "parked": 0}
    assert of_locks(database()) == []


def test_a_statement_that_waits_is_counted_and_its_holder_named(psql, look_anew):
    task = held()
    psql.execute("SELECT id, %s FROM governance_tasks WHERE id = %s FOR UPDATE", [SECRET, str(task.id)])
    with meanwhile(lambda: transitions.cancel([task.id], actor="ann", reason="x")):
        until_someone_waits_for_a_lock()
        found = until(lambda: waits(look_anew), what="a statement that has waited for a second")
        section = database()
        psql.execute("ROLLBACK")

    assert "1 statement(s) wait for a lock" in found["detail"]
    assert found["lock_waits"]["statements"] == 1
    [finding] = of_locks(section)
    assert finding.severity == Severity.WARNING
    said = finding.evidence[-1]
    for part in (f"pid {pid_in(finding)}", "psql from 127.0.0.1", "idle in transaction", "since 20",
                 "on governance_tasks", "1 statement(s) wait for it", "FOR UPDATE"):  # fmt: skip
        assert part in said
    assert SECRET not in said


def pid_in(finding):
    return finding.remedies[0].command.split("(")[1].split(")")[0]


def waits(look_anew):
    look_anew()
    found = health.report()["database"]
    return found if found["status"] == "degraded" else None


def test_a_lease_that_a_living_process_cannot_renew_is_counted(psql, look_anew):
    owner = WorkerProcess.objects.first()
    task = held(process=owner.process_id)
    transitions.renew({task.id: task.token}, lease=timedelta(seconds=-1))
    psql.execute("UPDATE governance_tasks SET title = 'x'")
    look_anew()

    report = health.report()

    assert report["status"] == "degraded"
    assert report["database"]["lock_waits"]["unrenewed"] == 1
    assert "manage.py diagnose says who" in report["database"]["detail"]
    [finding] = of_locks(database())
    assert "the leases of 1 running task(s) cannot be renewed" in finding.evidence[0]


def test_a_task_that_is_parked_for_a_lock_is_counted(look_anew):
    task = held()
    wait = for_lock("budget", "the budget gate is unavailable")
    transitions.park([AttemptReport(task.id, task.token, wait=wait)], process_id=lives.PROCESS)
    look_anew()

    assert health.report()["database"]["lock_waits"]["parked"] == 1


def test_a_lock_for_which_nothing_waits_is_worth_a_notice(psql):
    psql.execute("UPDATE fleet SET reason = reason")

    section = database()

    [finding] = of_locks(section)
    assert finding.severity == Severity.NOTICE
    assert "on fleet" in finding.evidence[0]
    assert health.report()["database"]["status"] == "ok"
