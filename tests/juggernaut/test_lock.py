"""The lock file installs without a compiler on every supported Python and platform."""

import re

import pytest
from packaging.markers import Marker

from juggernaut.environment import ROOT
from tests import lock

RUNTIME = lock.requirements(ROOT / "requirements.txt")
DEVELOPMENT = lock.requirements(ROOT / "requirements-dev.txt")


def test_no_package_of_the_product_needs_a_compiler_anywhere():
    names = lock.wheels()

    missing = {one.name: [str(t) for t in lock.without_wheel(one, names=names)] for one in RUNTIME}

    assert {name: targets for name, targets in missing.items() if targets} == {}


def test_no_package_of_the_tests_needs_a_compiler_on_linux():
    names = lock.wheels()

    missing = {
        one.name: [str(t) for t in lock.without_wheel(one, names=names) if "Linux" in t.platform]
        for one in DEVELOPMENT
    }

    assert {name: targets for name, targets in missing.items() if targets} == {}


def test_the_names_are_those_of_this_lock_file():
    hashes = {each for one in DEVELOPMENT for each in one.hashes}

    assert set(lock.wheels()) <= hashes
    assert {one.name for one in DEVELOPMENT if not one.hashes & set(lock.wheels())} == set()
    assert {one.name: one.hashes for one in RUNTIME}.items() <= {
        one.name: one.hashes for one in DEVELOPMENT
    }.items()


def test_every_range_is_in_the_lock_file():
    def named(path):
        lines = re.findall(r"^[a-z][a-z0-9._-]*", (ROOT / path).read_text(), re.MULTILINE)
        return {line.replace("_", "-") for line in lines}

    assert named("requirements.in") <= {one.name for one in RUNTIME}
    assert named("requirements-dev.in") <= {one.name for one in DEVELOPMENT}


@pytest.mark.parametrize(
    ("wheel", "expected"),
    [
        ("x-1-cp312-cp312-manylinux_2_17_x86_64.whl", ["Python 3.12 on Linux x86-64"]),
        ("x-1-cp312-cp312-manylinux2014_aarch64.whl", ["Python 3.12 on Linux ARM"]),
        ("x-1-cp313-abi3-macosx_11_0_arm64.whl", ["Python 3.13 on macOS ARM", "Python 3.14 on macOS ARM"]),
        ("x-1-cp312-cp312-manylinux_2_34_x86_64.whl", []),
        ("x-1-cp312-cp312-musllinux_1_2_x86_64.whl", []),
        ("x-1-py3-none-any.whl", [str(target) for target in lock.targets()]),
    ],
)
def test_a_wheel_serves_the_targets_that_pip_would_install_it_on(wheel, expected):
    needed = lock.Locked("x", None, frozenset({"hash"}))

    missing = lock.without_wheel(needed, names={"hash": wheel})

    assert [str(target) for target in lock.targets() if target not in missing] == expected


def test_a_package_with_a_source_alone_is_named_where_its_marker_applies():
    needed = lock.Locked("x", Marker("python_full_version < '3.12'"), frozenset({"hash"}))

    missing = lock.without_wheel(needed, names={})

    assert {target.python for target in missing} == {(3, 11)}
