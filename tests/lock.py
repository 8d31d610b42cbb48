"""The lock file and the files behind its hashes: `python -m tests.lock PYLOCK` writes their names.

A lock file holds hashes, which do not say for which Python and platform a file is. `make lock` therefore
writes `requirements-files.txt`, one line for each wheel: hash and file name.
"""

import itertools
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

from packaging.markers import Marker, default_environment
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

from juggernaut.environment import ROOT

FILES = ROOT / "requirements-files.txt"
PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
# Debian 11, Ubuntu 20.04 and RHEL 8 have glibc 2.28 or later.
GLIBC = 28
PLATFORMS = {
    "Linux x86-64": ("linux", "x86_64", [f"manylinux_2_{minor}_x86_64" for minor in range(GLIBC, 4, -1)]),
    "Linux ARM": ("linux", "aarch64", [f"manylinux_2_{minor}_aarch64" for minor in range(GLIBC, 16, -1)]),
    "macOS ARM": ("darwin", "arm64", list(mac_platforms((14, 0), "arm64"))),
    "macOS x86-64": ("darwin", "x86_64", list(mac_platforms((14, 0), "x86_64"))),
}
LEGACY = {"manylinux_2_17": "manylinux2014", "manylinux_2_12": "manylinux2010", "manylinux_2_5": "manylinux1"}
_REQUIREMENT = re.compile(r"^(?P<name>[a-z0-9._-]+)==\S+(?: ; (?P<marker>[^\\]+))?", re.MULTILINE)


class Locked(NamedTuple):
    """One requirement of a lock file: a version, and the hashes of the files that pip accepts for it."""

    name: str
    marker: Marker | None
    hashes: frozenset[str]


class Target(NamedTuple):
    """A Python on a platform."""

    python: tuple[int, int]
    platform: str

    def __str__(self) -> str:
        return f"Python {self.python[0]}.{self.python[1]} on {self.platform}"

    def tags(self) -> set[Tag]:
        """Return the wheel tags that pip accepts there."""
        known = PLATFORMS[self.platform][2]
        aliases = [
            platform.replace(new, old)
            for platform in known
            for new, old in LEGACY.items()
            if platform.startswith(f"{new}_")
        ]
        names = [*known, *aliases]
        interpreter = f"cp{self.python[0]}{self.python[1]}"
        return {
            *cpython_tags(self.python, platforms=names),
            *compatible_tags(self.python, interpreter, names),
        }

    def needs(self, locked: Locked) -> bool:
        """Return whether pip installs the requirement there, by its marker."""
        system, machine, _ = PLATFORMS[self.platform]
        version = f"{self.python[0]}.{self.python[1]}"
        environment = {
            **default_environment(),
            "sys_platform": system,
            "platform_machine": machine,
            "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
            "python_version": version,
            # The lowest of its series, which needs the most backports.
            "python_full_version": f"{version}.0",
        }
        return locked.marker is None or locked.marker.evaluate(cast("dict[str, str]", environment))


def targets() -> list[Target]:
    """Return every supported Python on every platform."""
    return [Target(*each) for each in itertools.product(PYTHONS, PLATFORMS)]


def requirements(path: Path) -> list[Locked]:
    """Return what a lock file requires."""
    text = path.read_text()
    starts = list(_REQUIREMENT.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)]
    return [
        Locked(
            start["name"],
            Marker(start["marker"].strip()) if start["marker"] else None,
            frozenset(re.findall(r"--hash=sha256:(\w+)", text[start.start() : end])),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def wheels() -> dict[str, str]:
    """Return the file names of the locked wheels, by their hashes."""
    lines = FILES.read_text().splitlines()
    return dict(line.split("  ") for line in lines if not line.startswith("#"))


def without_wheel(locked: Locked, *, names: dict[str, str]) -> list[Target]:
    """Return the targets on which pip would have to build the requirement from its source."""
    own = [names[each] for each in locked.hashes if each in names]
    tags = {tag for name in own for tag in parse_wheel_filename(name)[3]}
    return [target for target in targets() if target.needs(locked) and not tags & target.tags()]


def _named(pylock: Path) -> Iterator[str]:
    for package in tomllib.loads(pylock.read_text())["packages"]:
        for wheel in package.get("wheels", []):
            yield f"{wheel['hashes']['sha256']}  {wheel['url'].rpartition('/')[2]}"


if __name__ == "__main__":
    print("# Written by `make lock`: the wheels behind the hashes of requirements-dev.txt.")
    print("\n".join(_named(Path(sys.argv[1]))))
