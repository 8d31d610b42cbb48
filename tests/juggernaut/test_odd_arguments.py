"""Arguments of commands that nobody means: one line that says so, never a traceback."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from monitoring.models import Alert, AlertRule
from tests.ids import NOBODYS_ID

pytestmark = pytest.mark.django_db
# As Python reads the bytes FF FE of a command line.
OTHER_BYTES = b"a\xff\xfeb".decode(errors="surrogateescape")
BEYOND_64_BITS = "9" * 20


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["why", "EXECUTOR", OTHER_BYTES], "tool"),
        (["grant", OTHER_BYTES, "http.get"], "worker-id"),
        (["breaker_status", OTHER_BYTES], "names"),
        (["list_dlq", "--matching", OTHER_BYTES], "matching"),
        (["list_dlq", "--worker", OTHER_BYTES], "worker"),
        (["audit", "--target", OTHER_BYTES], "target"),
        (["pause", "--reason", OTHER_BYTES], "reason"),
        (["create_token", OTHER_BYTES], "name"),
    ],
    ids=lambda said: said[0] if isinstance(said, list) else said,
)
def test_bytes_that_are_not_utf8_are_refused_by_the_name_of_the_option(command, named):
    with pytest.raises(CommandError, match=f"^{named}: it is not UTF-8$"):
        call_command(*command)


@pytest.mark.parametrize("command", ["list_alerts", "audit", "permissions", "list_dlq", "tool_executions"])
def test_a_limit_beyond_all_types_is_no_limit(command):
    out = StringIO()

    call_command(command, "--limit", BEYOND_64_BITS, "--json", stdout=out)

    assert isinstance(json.loads(out.getvalue()), list | dict)


def test_so_is_a_number_of_events():
    call_command("breaker_status", "--events", BEYOND_64_BITS, stdout=StringIO())


@pytest.mark.parametrize("minutes", ["nan", "inf", "1e300", BEYOND_64_BITS])
def test_minutes_that_lead_nowhere_are_told(minutes):
    rule, _ = AlertRule.objects.get_or_create(name="breaker_open", defaults={"says": "A breaker is open"})
    alert = Alert.objects.create(rule=rule, subject="openrouter", severity="critical", said="it is open")

    with pytest.raises(CommandError, match="minutes: "):
        call_command("mute_alert", str(alert.pk), "--minutes", minutes, "--reason", "asked for")


@pytest.mark.parametrize("until", ["0001-01-01T00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_so_is_a_time_of_another_age(until):
    with pytest.raises(CommandError, match="until: a time between the years 2000 and 2199 is expected"):
        call_command("mute_alert", NOBODYS_ID, "--until", until, "--reason", "asked for")


@pytest.mark.parametrize("days", ["0", "-1", "36501", BEYOND_64_BITS])
@pytest.mark.parametrize("command", [["delete_workspaces", "--dry-run"], ["create_token", "a-client"]])
def test_so_are_days_beyond_a_century(command, days):
    with pytest.raises(CommandError, match=r"--days: 1 to 36,500 days are expected \(got "):
        call_command(*command, f"--days={days}")


@pytest.mark.parametrize("days", ["-1", "36501", BEYOND_64_BITS, "9" * 5_000])
def test_so_are_those_of_prune(days):
    with pytest.raises(CommandError, match="is no number of days"):
        call_command("prune", f"--older-than={days}")
