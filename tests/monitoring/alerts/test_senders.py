"""Two watchdogs at once, and one that is killed between sending and recording: nobody is told twice."""

import os
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager

import pytest
from django.utils import timezone

from juggernaut.environment import ROOT
from monitoring.alerts.delivery import sender as delivery_sender
from monitoring.models import AlertMessage, AlertRule
from tests.monitoring.alerts.findings import MINUTE, break_down, messages
from tests.reliability.processes import database_url

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ALERTS = 12


@pytest.fixture(autouse=True)
def one_rule(rules):
    AlertRule.objects.exclude(pk="breaker_open").update(is_enabled=False)


@contextmanager
def sender(site):
    """A process that is ready to look and deliver, and waits for a line to begin."""
    command = [sys.executable, "-m", "tests.monitoring.alerts.sender", site.url("/hook"), str(site.port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"DATABASE_URL": database_url()}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def begin(process):
    process.stdin.write("go\n")
    process.stdin.flush()


def test_two_watchdogs_at_once_tell_of_each_finding_once(hook):
    for number in range(ALERTS):
        break_down(f"service {number}")

    with ExitStack() as stack:
        both = [stack.enter_context(sender(hook)) for _ in range(2)]
        for process in both:
            begin(process)
        arrived = [int(process.communicate(timeout=60)[0]) for process in both]

    assert sum(arrived) == ALERTS
    assert len(hook.asked) == len({asked.body for asked in hook.asked}) == ALERTS
    assert messages("state") == [("sent",)] * ALERTS


def test_one_that_is_killed_between_sending_and_recording_is_not_repeated(hook):
    has_arrived, goes_on = threading.Event(), threading.Event()

    def take(handler):
        has_arrived.set()
        goes_on.wait(60)

    hook.does("/hook", take)
    break_down()
    with sender(hook) as process:
        begin(process)
        assert has_arrived.wait(60)
        process.kill()
        process.wait()
    goes_on.set()
    left_behind = messages("state")
    hook.on("/hook", "thanks")

    at_once = delivery_sender.deliver()
    AlertMessage.objects.update(taken_at=timezone.now() - 2 * MINUTE)
    with sender(hook) as process:
        begin(process)
        later = int(process.communicate(timeout=60)[0])

    assert left_behind == [("sending",)]
    assert (at_once, later, len(hook.asked)) == (0, 0, 1)
    assert messages("state") == [("unknown",)]
