"""The README's table of variables is what the code reads: nothing more, nothing less, same defaults."""

import ast
import re

import pytest

from juggernaut.environment import ROOT

CODE = ("juggernaut", "governance", "reliability", "workers", "monitoring", "core")
# What one process of ours tells another, or a program that we use; nobody sets them by hand.
OURS = {"JUGGERNAUT_SIMULATION", "DJANGO_SETTINGS_MODULE", "Q_CLUSTER_NAME"}
NAME = re.compile("(JUGGERNAUT|DJANGO)_[A-Z_]+|DATABASE_URL(_DIRECT)?|REDIS_URL")


def table():
    """name → default, as the README says."""
    rows: dict[str, str] = {}
    for line in (ROOT / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 3:
            names = re.findall(r"`([A-Z_]+)`", cells[0])
            defaults = [default.strip(" `") for default in cells[2].split(",")]
            rows |= dict(
                zip(names, defaults if len(defaults) == len(names) else [cells[2]] * len(names), strict=True)
            )
    return rows


def syntax():
    programs = [ROOT / name for name in ("main.py", "manage.py", "watchdog_main.py")]
    for path in [*programs, *(path for folder in CODE for path in (ROOT / folder).rglob("*.py"))]:
        yield from ast.walk(ast.parse(path.read_text()))


def names():
    """Every variable that the code names."""
    texts = {
        node.value for node in syntax() if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in texts if NAME.fullmatch(text)} - OURS


def defaults():
    """name → default as text, of those that are read with one that is a literal."""
    found = {}
    for node in syntax():
        if isinstance(node, ast.Call) and len(node.args) == 2 and "setdefault" not in ast.unparse(node.func):
            name, default = node.args
            if (
                isinstance(name, ast.Constant)
                and name.value in names_found
                and isinstance(default, ast.Constant)
            ):
                found[name.value] = str(default.value)
    return {name: default for name, default in found.items() if default}


names_found = names()


def test_every_variable_that_is_read_stands_in_the_table_and_no_other():
    assert names_found == set(table())


@pytest.mark.parametrize(("name", "default"), sorted(defaults().items()))
def test_a_default_of_the_code_is_the_one_of_the_table(name, default):
    assert default in table()[name]
