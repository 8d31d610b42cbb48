"""A dotted name means one thing: no submodule shares its name with what its package defines or exports.

`pydoc.locate` (django-q2's way to a function) finds the function on Python 3.11 and the module on 3.12.
"""

import ast
import pydoc
from pathlib import Path

import pytest

from juggernaut.environment import ROOT
from reliability.cluster import watchdog_broker, worker_broker
from reliability.watchdog import schedules

PACKAGES = ("core", "governance", "juggernaut", "monitoring", "reliability", "workers", "benchmarks", "tests")


def bound_names(source, *, package):
    """The names that an `__init__.py` binds to something else than its own submodules."""
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.ImportFrom(module, names) if module != package:
                yield from (alias.asname or alias.name for alias in names)
            case ast.Import(names):
                yield from (alias.asname for alias in names if alias.asname)
            case ast.Assign(targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(ast.Name(name)):
                yield name


def shared_names(root, *, names):
    """The dotted names below `root` that stand for a submodule and for something else."""
    for init in sorted(path for name in names for path in (root / name).rglob("__init__.py")):
        folder = init.parent
        package = ".".join(folder.relative_to(root).parts)
        modules = {path.stem for path in folder.glob("*.py")} | {
            path.parent.name for path in folder.glob("*/__init__.py")
        }
        shared = modules & set(bound_names(init.read_text(), package=package))
        yield from (f"{package}.{name}" for name in sorted(shared))


def test_no_submodule_shares_its_name_with_a_function_or_class_of_its_package():
    assert list(shared_names(ROOT, names=PACKAGES)) == []


@pytest.mark.parametrize(
    "source",
    [
        "from shop.order import order",
        "from elsewhere import thing as order",
        "def order() -> None: ...",
        "async def order() -> None: ...",
        "class order: ...",
        "order = 1",
        "order: int = 1",
        "import json as order",
    ],
)
def test_a_shared_name_is_found_however_it_is_bound(tmp_path, source):
    make(tmp_path, source)

    assert list(shared_names(tmp_path, names=["shop"])) == ["shop.order"]


@pytest.mark.parametrize("source", ["from shop import order", "from shop.order import Order", "import json"])
def test_the_submodule_itself_may_be_exported(tmp_path, source):
    make(tmp_path, source)

    assert list(shared_names(tmp_path, names=["shop"])) == []


def make(root: Path, source: str) -> None:
    (root / "shop").mkdir()
    (root / "shop" / "__init__.py").write_text(source)
    (root / "shop" / "order.py").touch()


@pytest.mark.parametrize(
    "name", [worker_broker.WorkerBroker.function, watchdog_broker.WatchdogBroker.function, schedules.FUNCTION]
)
def test_what_django_q2_is_given_is_found_as_a_function(name):
    assert callable(pydoc.locate(name))
