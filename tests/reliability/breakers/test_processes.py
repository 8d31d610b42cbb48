"""Eight processes ask at once: exactly the permitted probes get through."""

import subprocess
import sys
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from juggernaut.environment import ROOT
from reliability.breakers.models import CircuitBreaker
from tests.core.snippets import variables

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PROCESSES, ASKS, THREADS = 8, 200, 10
ASK = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
import core
from reliability import breakers
from reliability.breakers import client as gate
from reliability.errors import BreakerOpen

name = sys.argv[1]
gate.of_process().registry.current("warm")
print("ready", flush=True)
sys.stdin.readline()

def ask(_):
    try:
        return breakers.acquire(name).verdict
    except BreakerOpen:
        return "refused"

with ThreadPoolExecutor({THREADS}) as pool:
    print(" ".join(pool.map(ask, range({ASKS}))), flush=True)
gate.close()
"""


@pytest.mark.parametrize("probes", [1, 3])
def test_half_open_admits_exactly_the_permitted_probes(name: str, probes: int):
    CircuitBreaker.objects.create(
        name=name,
        half_open_probes=probes,
        state="open",
        opened_at=Now(),
        retry_at=Now() - timedelta(seconds=1),
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, name],
            cwd=ROOT,
            env=variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]

    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    verdicts = [verdict for process in processes for verdict in process.communicate(timeout=120)[0].split()]

    assert len(verdicts) == PROCESSES * ASKS
    assert set(verdicts) == {"probe", "refused"}
    assert verdicts.count("probe") == probes
