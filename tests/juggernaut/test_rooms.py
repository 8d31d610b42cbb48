"""Rooms are small, and the map of the architecture names each of them and what is where."""

import ast
import re
from pathlib import Path

import pytest

from juggernaut.environment import ROOT

PRODUCT = ("governance", "reliability", "gateway", "workers", "monitoring", "juggernaut")
MAP = (ROOT / "docs" / "architecture" / "overview.md").read_text()
MOST_MODULES = 12
# Django looks for these in one folder each: one file a noun, a command, a migration.
BY_DJANGO = re.compile(r"^governance/models$|/management/commands$|/migrations$")
NO_ROOMS = {"management", "migrations", "templatetags", "static", "__pycache__"}
_ROOM = re.compile(r"^\| `([a-z_]+/[a-z_]+)` \|", re.MULTILINE)
_WHERE = re.compile(r"^\| … [^|]+\| `([^`]+)` \| `([^`]+)` \|", re.MULTILINE)


def packages() -> list[Path]:
    found = {path.parent for package in PRODUCT for path in (ROOT / package).rglob("*.py")}
    return sorted(path.relative_to(ROOT) for path in found)


def test_no_package_has_more_than_twelve_modules_in_its_root():
    sizes = {str(path): len(list((ROOT / path).glob("*.py"))) for path in packages()}

    assert {p: n for p, n in sizes.items() if n > MOST_MODULES and not BY_DJANGO.search(p)} == {}


def test_the_map_names_every_room_and_no_other():
    rooms = {
        f"{path.parent}/{path.name}"
        for path in packages()
        if len(path.parts) == 2 and path.name not in NO_ROOMS
    }

    assert set(_ROOM.findall(MAP)) == rooms


def functions_of(path: str) -> set[str]:
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_what_is_where_is_there():
    places = _WHERE.findall(MAP)

    assert len(places) > 15
    for path, function in places:
        names = functions_of(path)
        assert function in names, f"{path} has no {function}"


TERMS = (
    "circuit breaker", "rate limit", "lease", "heartbeat", "settle", "checkpoint", "slow start", "audit",
)  # fmt: skip


@pytest.mark.parametrize("word", TERMS)
def test_who_looks_for_a_term_of_the_field_finds_its_module(word):
    stem = word.replace(" ", "_").removeprefix("circuit_")
    found = [path for path in (ROOT / package for package in PRODUCT) for path in path.rglob(f"*{stem}*")]

    assert [path for path in found if "__pycache__" not in path.parts and "migrations" not in path.parts]
