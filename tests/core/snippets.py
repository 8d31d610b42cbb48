"""The runbook's Python, run as an operator does: in a fresh process, with nothing but the environment set."""

import os
import subprocess
import sys
from dataclasses import dataclass

from juggernaut.environment import ROOT
from tests.reliability.processes import database_url

MOVE = (
    "from core.dlq import move_to_dlq; import asyncio; "
    "asyncio.run(move_to_dlq('{id}', 'Rate limit exceeded'))"
)
RETRY = """
# In a Python console
from core.dlq import retry_dlq_item
import asyncio

# Retry a specific DLQ item
asyncio.run(retry_dlq_item('{id}'))
"""
RETRY_ALL = """
# In a Python console
from core.dlq import retry_dlq_item
import asyncio

# Retry all items with a specific failure pattern
async def retry_all_matching(pattern):
    from core.dlq import get_dlq_items
    items = await get_dlq_items(status='pending')
    for item in items:
        if pattern in item.get('failure_reason', ''):
            await retry_dlq_item(item['id'])

asyncio.run(retry_all_matching('connection reset'))
"""
RESOLVE = """
# After fixing the issue, resolve the DLQ items
from core.dlq import resolve_dlq_item
import asyncio

asyncio.run(resolve_dlq_item('{id}', 'Fixed by updating API credentials'))
"""

_KEPT = ("PATH", "HOME", "LANG", "REDIS_URL", "JUGGERNAUT_VAR", "USER", "LOGNAME")


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    status: int
    out: str
    err: str


def run(code: str, *, python: str = sys.executable, **environment: str) -> Ended:
    return ended(start(code, python=python, **environment))


def start(code: str, *, python: str = sys.executable, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [python, "-c", code],
        cwd=ROOT,
        env=variables() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def variables() -> dict[str, str]:
    """What an operator's shell has set: the test's servers and nothing of the test."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"DATABASE_URL": database_url()}


def ended(process: "subprocess.Popen[str]") -> Ended:
    out, err = process.communicate(timeout=120)
    return Ended(process.returncode, out.strip(), err.strip())
