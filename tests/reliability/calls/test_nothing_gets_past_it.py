"""No task type and no tool reaches the world past the call pipeline: a search of the whole source tree.

A tool takes a `CallPermit`, which the call pipeline alone mints; what counts, holds and records calls is
called by the call pipeline alone; and the libraries that reach the world are imported by the listed modules
alone, whose functions take a `CallPermit`.
"""

import ast
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from juggernaut.environment import ROOT
from reliability.calls import CallPermit

pytestmark = pytest.mark.slow

SOURCES = ("governance", "reliability", "gateway", "workers", "monitoring", "core", "juggernaut")
THE_DOOR = "reliability/calls/"

# Who else may call what the call pipeline calls, and why.
GUARDED = {
    "budgets.reserve": (),
    "budgets.reserve_tokens": (),
    "tool_executions.begin": (),
    "breakers.acquire": (),
    "rate_limits.take": (),
    # The watchdog's duties are no calls.
    "permissions.check": (
        "reliability/watchdog/duty_permissions.py",
        "reliability/watchdog/schedules.py",
        "monitoring/alerts/delivery/sender.py",
    ),
    # Whether a call of which nobody knows what came of it may be made again: then it is a governed call.
    "approvals.require": ("workers/tools/repeating.py",),
    "types.issue_permit": (),
}

# What reaches the network, another process, files or the database.
OUTSIDE = {
    "socket", "ssl", "http", "urllib", "ftplib", "smtplib", "telnetlib", "requests", "httpx", "httpx2",
    "aiohttp", "httpcore", "httpcore2", "urllib3", "openai", "anthropic", "litellm", "websockets",
    "paramiko", "subprocess", "multiprocessing", "pty", "asyncio.subprocess", "psycopg2", "psycopg",
    "asyncpg", "sqlite3", "redis", "django.db", "ctypes", "importlib", "runpy",
}  # fmt: skip
HARMLESS = {"urllib.parse", "http.HTTPStatus"}
# Modules of `workers` that reach the world, and who alone may import them: each calls them under a Passage.
WIRE = {
    # Alerts are told past the call pipeline: each of its gates is a reason for one (docs/decisions.md, 46).
    "gateway/http/": ("workers/tools/", "monitoring/alerts/"),
    "gateway/providers/client.py": ("gateway/providers/send.py", "gateway/providers/__init__.py"),
    "workers/sql/query.py": ("workers/tools/sql.py",),
    "workers/tools/notify.py": ("monitoring/alerts/",),  # a tool itself, by mail
}
# Parts of them that only say what something looks like, or limit what is read of an answer.
SHAPES = ("gateway.http.requests.", "gateway.http.bounded")
# And those that reach something, but not the world.
EXCEPT = {
    "workers/apps.py": "imports what the settings name, when the process starts",
    "workers/workspaces/cleanup.py": "asks which folders belong to tasks that ended long ago",
    "workers/checkpoint_store.py": "hears when what it keeps is committed",
    "workers/simulator/": "is a provider, and no part of a worker",
    "workers/sql/role.py": "makes the role that reads, when the database is migrated",
    "workers/tools/calling.py": "gives connections back",
    "workers/tools/tasks.py": "makes children of a task in one transaction",
    "workers/workflow/": "makes the children of a workflow in one transaction",
}


def modules(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Everything that is imported, anywhere in the module, by its full name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, name.name) for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from ((node.lineno, f"{module}.{name.name}") for name in names)
            case ast.Call(func=ast.Name(id="__import__" | "eval" | "exec" as name)):
                yield node.lineno, f"importlib.{name}"


def reaches_out(name: str) -> bool:
    parts = name.split(".")
    prefixes = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    return bool(prefixes & OUTSIDE) and not prefixes & HARMLESS


def guarded_calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Calls of what only the call pipeline may call, under whatever name they were imported."""
    aliases = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            package = node.module.rpartition(".")[2]
            for name in node.names:
                aliases[name.asname or name.name] = name.name
                full = f"{package}.{name.name}"
                if full in GUARDED:
                    yield node.lineno, full
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            full = f"{aliases.get(node.value.id, node.value.id)}.{node.attr}"
            if full in GUARDED:
                yield node.lineno, full


def past_the_door(tree: ast.Module, path: str) -> list[str]:
    home = {name.partition(".")[0] for name in GUARDED}
    if path.startswith(THE_DOOR) or any(f"/{name}/" in path or path.endswith(f"/{name}.py") for name in home):
        return []  # the call pipeline, and the modules that define these
    found = [(line, name) for line, name in guarded_calls(tree) if path not in GUARDED[name]]
    return [f"{path}:{line} {name}" for line, name in found]


def outward(tree: ast.Module, path: str) -> list[str]:
    if path.startswith((*WIRE, *EXCEPT)):
        return []
    return [f"{path}:{line} {name}" for line, name in imported(tree) if reaches_out(name)]


def onto_the_wire(tree: ast.Module, path: str) -> list[str]:
    """Imports of a wire module by somebody who may not."""
    return [
        f"{path}:{line} {name}"
        for line, name in imported(tree)
        for wire, users in WIRE.items()
        if _is_in(name, wire) and not name.startswith(SHAPES) and not path.startswith((wire, *users))
    ]


def _is_in(name: str, wire: str) -> bool:
    module = wire.rstrip("/").removesuffix(".py").replace("/", ".")
    return name == module or name.startswith(f"{module}.")


def test_only_the_door_counts_holds_and_records_calls():
    found = [place for path, tree in modules(*SOURCES) for place in past_the_door(tree, path)]

    assert found == []


def test_the_door_does_call_all_of_it():
    """The search would be worth nothing if it looked for names that nobody uses."""
    used = {name for path, tree in modules("reliability/calls") for _, name in guarded_calls(tree)}

    assert used == set(GUARDED)


def test_no_task_type_and_no_tool_reaches_the_world_by_itself():
    found = [place for path, tree in modules("workers") for place in outward(tree, path)]

    assert found == []


def test_the_wires_are_used_by_those_alone_who_hold_a_passage():
    assert [place for path, tree in modules(*SOURCES) for place in onto_the_wire(tree, path)] == []


def test_a_passage_is_minted_by_nobody_else():
    facts = {"worker_id": "EXECUTOR", "task_id": uuid4(), "lease_token": 1, "execution_id": uuid4()}
    with pytest.raises(TypeError, match="through governed_call"):
        CallPermit(tool_name="http.request", seconds=1.0, held_usd=Decimal(0), **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "import http.client as web",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import httpx",
        "from openai import AsyncOpenAI",
        "def run():\n    import subprocess",
        "from django.db import connection",
        "import psycopg2.extras",
        "__import__('socket')",
        "import importlib",
    ],
)
def test_the_search_finds_what_reaches_the_world(source):
    assert outward(ast.parse(source), "workers/task_types/evaluation.py")


@pytest.mark.parametrize("source", ["from urllib.parse import urlsplit", "from http import HTTPStatus"])
def test_the_search_lets_names_alone(source):
    assert outward(ast.parse(source), "workers/task_types/evaluation.py") == []


@pytest.mark.parametrize(
    "source",
    [
        "from governance import budgets\nbudgets.reserve(worker_id='x')",
        "from governance import budgets as b\nb.reserve_tokens(None)",
        "from governance.budgets import reserve",
        "from governance.budgets import reserve as set_aside",
        "from reliability import breakers\nsend = breakers.acquire",
        "from reliability.calls.types import issue_permit",
        "from governance.access.tool_executions import begin",
    ],
)
def test_the_search_finds_who_goes_past_the_door(source):
    assert past_the_door(ast.parse(source), "workers/task_types/evaluation.py")


@pytest.mark.parametrize(
    "source",
    [
        "from gateway import http as outbound",
        "from gateway.http import fetch",
        "import workers.sql.query",
        "from gateway.providers import client",
        "from gateway.providers.client import post",
    ],
)
def test_the_search_finds_who_takes_a_wire(source):
    assert onto_the_wire(ast.parse(source), "workers/task_types/evaluation.py")
    assert all(EXCEPT.values())
    assert all((ROOT / path).exists() for paths in GUARDED.values() for path in paths)
    assert (ROOT / Path(THE_DOOR)).is_dir()
