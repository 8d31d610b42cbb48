"""The runbook as data: its commands, section by section, and what it says that they answer.

A command is a block of code whose language is `bash` or `python`; words after it say how it is run:
`recovered` when what was wrong outside of the system has ended, `stays` if it goes on until it is ended. A
block `text` below it is its answer when all is well, `text trouble` in the incident; `…` stands for any text.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from juggernaut.environment import ROOT

PATH = ROOT / "docs" / "runbooks" / "troubleshooting.md"
LANGUAGES = ("bash", "python")
FLAGS = ("recovered", "stays")
ANSWERS = ("", "trouble")

_FENCE = re.compile(r"^( *)```(.*)$")


@dataclass
class Command:
    """One block: `section` is its incident, `part` Diagnostic Steps, Solution or none."""

    section: str
    part: str
    language: str
    flags: list[str]
    text: str
    line: int
    answers: dict[str, str] = field(default_factory=dict)


def commands(path: Path = PATH) -> list[Command]:
    """Every block of code that is a command, in order. Raises `ValueError` at what is marked up wrongly."""
    found: list[Command] = []
    section = part = ""
    block: list[str] | None = None
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if fence := _FENCE.match(line):
            if block is None:
                block, info, indent, began = [], fence[2].split(), len(fence[1]), number
            else:
                _close(found, section, part, info, "\n".join(one[indent:] for one in block), began)
                block = None
        elif block is not None:
            block.append(line)
        elif line.startswith(("## ", "### ")):
            section, part = line.lstrip("# "), ""
        elif line.startswith("#### "):
            part = line.lstrip("# ")
    return found


def _close(found: list[Command], section: str, part: str, info: list[str], text: str, line: int) -> None:
    language, words = (info[0], info[1:]) if info else ("", [])
    if language in LANGUAGES and set(words) <= set(FLAGS):
        found.append(Command(section, part, language, words, text, line))
    elif language == "text" and " ".join(words) in ANSWERS and found:
        found[-1].answers[" ".join(words)] = text
    else:
        raise ValueError(f"line {line}: a block that is neither a command nor an answer: {info}")


def fits(said: str, answer: str) -> bool:
    """Whether this is what the runbook says: its texts in their order, with anything for `…`."""
    heard, at = _flat(said), 0
    for piece in filter(None, map(_flat, answer.split("…"))):
        at = heard.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def _flat(text: str) -> str:
    return " ".join(text.split())
