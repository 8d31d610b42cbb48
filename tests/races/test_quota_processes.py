"""Sixteen processes at once are told yes exactly as often as the quota says."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from governance.models import PermissionUse, ToolPermission
from juggernaut.environment import ROOT
from tests.reliability.processes import database_url

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PROCESSES, ASKS = 16, 50
NOON = "2026-03-04T12:00:00+00:00"
Process = subprocess.Popen[str]


QUOTAS: dict[str, dict[str, int]] = {
    "a.day": {"max_calls_per_day": 250},
    "a.minute": {"max_calls_per_minute": 1},
    "a.both": {"max_calls_per_day": 300, "max_calls_per_minute": 123},
    "a.plenty": {"max_calls_per_day": 10_000},
    "a.returned": {"max_calls_per_day": 10_000, "max_calls_per_minute": 16},
}


@contextmanager
def asker() -> Iterator[Process]:
    """A process that is ready to ask, and waits for a line to begin."""
    command = [sys.executable, "-m", "tests.races.quota_program", "EXECUTOR", NOON, str(ASKS), *QUOTAS]
    environment = os.environ | {"DATABASE_URL": database_url()}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told_yes() -> Counter[str]:
    """How often all sixteen were, by tool."""
    with ExitStack() as stack:
        askers = [stack.enter_context(asker()) for _ in range(PROCESSES)]
        assert [process.stdout.readline() for process in askers if process.stdout] == ["ready\n"] * PROCESSES
        for process in askers:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [json.loads(process.communicate(timeout=60)[0]) for process in askers]
        return sum(map(Counter, answers), Counter())


def test_a_quota_holds_to_the_call():
    for tool_name, quotas in QUOTAS.items():
        ToolPermission.objects.create(worker_id="EXECUTOR", tool_name=tool_name, **quotas)

    said_yes = told_yes()

    counts = PermissionUse.objects.values_list("tool_name", "calls").distinct()
    exact = {"a.day": 250, "a.minute": 1, "a.both": 123, "a.plenty": PROCESSES * ASKS}
    assert said_yes == exact | {"a.returned": PROCESSES * ASKS}
    assert sorted(counts) == sorted({**exact, "a.returned": 0}.items())
