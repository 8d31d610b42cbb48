"""What looks at the whole system reads no big table from front to back either: the diagnosis, `/health`,
`/metrics` and every duty of the watchdog."""

import pytest
from django.db import connection
from django.utils import timezone

from monitoring.diagnosis import sections
from monitoring.health import report as health
from monitoring.health.probe import Probe
from monitoring.metrics import exposition
from reliability.watchdog import sweep
from tests.size import plans

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def probed(grown, monkeypatch):
    """Probes have connections of their own, which see nothing of the sample: their statements are kept."""
    statements, rows = [], Probe.rows

    def asked(self, statement, parameters=None):
        statements.append((statement, parameters))
        return rows(self, statement, parameters)

    monkeypatch.setattr(Probe, "rows", asked)
    return statements


def test_no_section_of_the_diagnosis(probed):
    sections.run()

    statements = [asked for asked in probed if "pg_stat" not in asked[0]]
    assert len(statements) > 15
    assert plans.whole_scans(statements, plans.big_tables()) == []


def test_no_section_of_the_diagnosis_sorts_what_it_shows_a_few_of(probed):
    sections.run(["dlq"])

    assert plans.long_sorts(probed) == []


def test_neither_health_nor_metrics(probed):
    health.report()
    exposition.look()

    assert len(probed) > 15
    assert plans.whole_scans(probed, plans.big_tables()) == []


@pytest.mark.parametrize("name", sweep.DUTIES)
def test_no_duty_of_the_watchdog(grown, name):
    asked = plans.Asked()
    with connection.execute_wrapper(asked):
        sweep.DUTIES[name](timezone.now().replace(second=0))

    assert plans.whole_scans(asked.statements, plans.big_tables()) == []
