"""The log files of the embedded servers: bounded, and quoted when a start fails."""

from pathlib import Path

KEPT_BYTES = 10 * 1024 * 1024


def rotate(path: Path) -> None:
    """Set a file that has grown large aside, once; the one set aside before is dropped."""
    if path.exists() and path.stat().st_size > KEPT_BYTES:
        path.rename(path.with_name(path.name + ".1"))


def last_line(path: Path) -> str:
    """The last line that says something, or that there is none."""
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
