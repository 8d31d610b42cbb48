"""A second terminal: bash in the project's folder, told by `manage.py env` where the servers are."""

import subprocess
from functools import cached_property

from juggernaut.environment import ROOT
from tests.machine import Machine


class Terminal:
    """Types lines as the runbook prints them. They come on standard input, so that no `pgrep -f` finds
    them in the command line of their own shell; port 8000 is where the machine listens."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def type(self, lines: str) -> str:
        """What the lines printed; they must succeed."""
        ended = subprocess.run(
            ["bash"],
            input=self._entered + lines.replace("localhost:8000", f"localhost:{self._machine.port}") + "\n",
            cwd=ROOT,
            env=self._machine.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, f"{lines}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    @cached_property
    def _entered(self) -> str:
        """What `eval "$(make -s env)"` does to a terminal."""
        exports = self._machine.command("env")
        assert exports.returncode == 0, exports.stderr
        return f"set -o pipefail\n{exports.stdout}\n"

    def sql(self, statement: str) -> str:
        """The rows of a statement, values separated by `|`."""
        return self.type(f'psql $DATABASE_URL -At -c "{statement}"').strip()
