"""A second terminal: bash in the project's folder, told by `manage.py env` where the servers are."""

import contextlib
import os
import pty
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

from juggernaut.environment import ROOT
from tests.machine import Machine

PATIENCE_SECONDS = 90
# `pgrep -f` and `ps aux` find what any other machine on this computer runs, too: only what this test started
# counts. Other programs (`grep`, for one) are listed.
_OURS_ONLY = {
    "pgrep": """\
#!/bin/sh
for pid in $(PATH={path} pgrep "$@"); do
    grep -qx "$pid" {family} && echo "$pid"
done
exit 0
""",
    "ps": """\
#!/bin/sh
test "$*" = aux || exec env PATH={path} ps "$@"
PATH={path} ps aux | awk -v family={family} '
BEGIN {{ while ((getline pid < family) > 0) ours[pid] = 1 }}
!/python .*main\\.py/ || /grep/ || ($2 in ours)'
""",
}
# A shell that is typed into knows its width by itself; one that is told it makes `ps` cut its lines.
_NOT_TOLD = ("COLUMNS", "LINES")


@dataclass(frozen=True)
class Ended:
    """How lines that were typed ended, and what they wrote."""

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return f"{self.out}{self.err}"


class Running:
    """A line that runs until it is ended. It writes to a terminal, so no program holds its lines back."""

    def __init__(self, process: "subprocess.Popen[bytes]", terminal: int) -> None:
        self._process = process
        self._terminal = terminal
        self._said = b""

    @property
    def said(self) -> str:
        """What it has written so far."""
        with contextlib.suppress(BlockingIOError, OSError):  # nothing new; or the other end is closed
            while more := os.read(self._terminal, 65536):
                self._said += more
        return self._said.decode(errors="replace").replace("\r\n", "\n")

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """As closing the terminal window does."""
        if self.is_running:
            family = [
                *psutil.Process(self._process.pid).children(recursive=True),
                psutil.Process(self._process.pid),
            ]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self._process.wait(PATIENCE_SECONDS)
        os.close(self._terminal)


class Terminal:
    """Types lines as the runbook prints them. They come on standard input, so that no `pgrep -f` finds
    them in the command line of their own shell; port 8000 and the log are where the machine has them."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._entered = ""
        self._folder = machine.var_dir / "bin"

    def enter(self) -> None:
        """What `eval "$(make -s env)"` does to a terminal; the machine must run."""
        exports = self._machine.command("env")
        assert exports.returncode == 0, exports.stderr
        self._folder.mkdir(exist_ok=True)
        for name, text in _OURS_ONLY.items():
            program = self._folder / name
            program.write_text(text.format(path=os.environ["PATH"], family=self._family))
            program.chmod(0o755)
        self._entered = f'set -o pipefail\n{exports.stdout}\nexport PATH={self._folder}:"$PATH"\n'

    def run(self, lines: str) -> Ended:
        """Type the lines and wait for their end, however they end."""
        self._note_family()
        ended = subprocess.run(
            ["bash"],
            input=f"{self._entered}{self.here(lines)}\n",
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def type(self, lines: str) -> str:
        """What the lines printed; they must succeed."""
        ended = self.run(lines)
        assert ended.status == 0, f"{lines}\n{ended.said}"
        return ended.out

    def console(self, code: str) -> Ended:
        """Type the code into a Python console, which prints what each statement gives."""
        return self.run(f"python -i -q <<'END OF CODE'\n{code}\n\nEND OF CODE")

    def start(self, lines: str) -> Running:
        """Type lines that go on."""
        self._note_family()
        ours, theirs = pty.openpty()
        os.set_blocking(ours, False)
        process = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, cwd=ROOT,
            env=self._environment, start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        assert process.stdin is not None
        process.stdin.write(f"{self._entered}{self.here(lines)}\n".encode())
        process.stdin.close()
        return Running(process, ours)

    def sql(self, statement: str) -> str:
        """The rows of a statement, values separated by `|`."""
        return self.type(f'psql $DATABASE_URL -At -c "{statement}"').strip()

    def here(self, lines: str) -> str:
        """The lines with port and log of this machine."""
        lines = lines.replace("localhost:8000", f"localhost:{self._machine.port}")
        return lines.replace("logs/juggernaut.log", str(self._machine.log_path))

    @property
    def _environment(self) -> dict[str, str]:
        return {name: text for name, text in self._machine.environment.items() if name not in _NOT_TOLD}

    @property
    def _family(self) -> Path:
        return self._folder / "family"

    def _note_family(self) -> None:
        if self._folder.exists():
            pids = [str(process.pid) for process in self._machine.processes()]
            self._family.write_text("".join(f"{pid}\n" for pid in pids))
