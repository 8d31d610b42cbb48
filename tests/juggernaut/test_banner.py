"""The banner's lines can be pasted into a shell, wherever the project lies."""

import shlex
import sys

from juggernaut import embedded
from juggernaut.supervisor import banner


def test_the_line_for_a_second_terminal_survives_a_space_in_the_path(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "/opt/my tools/bin/python")
    servers = embedded.EmbeddedServers(tmp_path, named={"DATABASE_URL": "postgresql://elsewhere/x"})

    text = banner.text(address=None, servers=servers)

    line = next(line for line in text.splitlines() if "Second terminal" in line)
    command = line.partition("$(")[2].removesuffix(')"')
    assert shlex.split(command)[0] == "/opt/my tools/bin/python"
    assert shlex.split(command)[-1] == "env"
