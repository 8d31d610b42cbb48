"""The resident memory of every process of the system on this machine, and its growth since the start.

A process notes its size when it starts, in a file of its own under `var/run/memory`; there is nowhere
else where it could still be read later. Forked children note theirs too.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.conf import settings

# What the processes of the system are called: as started, or by the titles that they take.
_TITLE = "juggernaut "
_PROGRAMS = ("main.py", "watchdog_main.py", "juggernaut.wsgi", "juggernaut.wsgi:application")
_COMMANDS = ("run_workers",)


@dataclass(frozen=True)
class Size:
    """One process. Bytes; `growth` is unknown for programs that are not ours, such as PostgreSQL."""

    pid: int
    name: str
    rss: int
    growth: int | None


def note_start(var_dir: Path) -> None:
    """Note this process's size under `var_dir` as what its growth is counted from.

    Whoever cannot note it (a full disk, another account's folder) runs all the same.
    """
    process = psutil.Process()
    try:
        _folder(var_dir).mkdir(parents=True, exist_ok=True)
        (_folder(var_dir) / _name(process)).write_text(str(process.memory_info().rss))
    except OSError:
        return


def note_children(var_dir: Path) -> None:
    """Note the size of every process that this one forks from now on."""
    os.register_at_fork(after_in_child=lambda: note_start(var_dir))


def sizes() -> list[Size]:
    """Every living process of the system on this machine, largest first."""
    noted = _noted(Path(settings.VAR_DIR))
    found = [size for process in _processes() if (size := _size(process, noted))]
    return sorted(found, key=lambda size: -size.rss)


def _folder(var_dir: Path) -> Path:
    return var_dir / "run" / "memory"


def _name(process: psutil.Process) -> str:
    """Of the note: pid and start, because the kernel gives a pid to others later."""
    return f"{process.pid}-{process.create_time():.2f}"


def _noted(var_dir: Path) -> dict[str, int]:
    """What was noted, by file name; the notes of the dead are removed on the way."""
    living = {str(pid) for pid in psutil.pids()}
    noted = {}
    for path in _folder(var_dir).glob("*-*"):
        if path.name.split("-")[0] in living and (text := path.read_text()).isdigit():
            noted[path.name] = int(text)
        else:
            path.unlink(missing_ok=True)
    return noted


def _processes() -> list[psutil.Process]:
    """The system's programs and everything that they started: embedded servers, clusters, web workers."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if _is_ours(process):
                found |= {child.pid: child for child in [process, *process.children(recursive=True)]}
        except psutil.Error:
            continue
    return list(found.values())


def _is_ours(process: psutil.Process) -> bool:
    arguments = process.cmdline()
    if not arguments or not (arguments[0].startswith(_TITLE) or _is_program(arguments)):
        return False
    return Path(process.cwd()) == Path(settings.BASE_DIR)


def _is_program(arguments: list[str]) -> bool:
    words = " ".join(arguments).split()
    names = [Path(word).name for word in words[:4]]
    return any(name in _PROGRAMS for name in names) or any(word in _COMMANDS for word in words[:4])


def _size(process: psutil.Process, noted: dict[str, int]) -> Size | None:
    try:
        rss, command = process.memory_info().rss, " ".join(process.cmdline()).strip()
        start = noted.get(_name(process))
        name = command[:80] or process.name()
    except psutil.Error:
        return None
    return Size(process.pid, name, rss, None if start is None else rss - start)
