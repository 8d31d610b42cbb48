"""A process outlives its terminal, and what it prints shows control characters."""

import os
import pty
import subprocess
import sys
import textwrap

import pytest

from juggernaut.environment import ROOT
from juggernaut.processes import streams

pytestmark = pytest.mark.slow

PRINT = """
import sys
from juggernaut.processes import streams
streams.survive()
for number in range(3000):
    print("text that nobody reads", number)
sys.stderr.write("to nobody\\n")
print(open({path!r}, "w").write("done"))
"""


def run(code, *, before="", **options):
    """Run it under `sh`, which can close descriptors before it starts."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    script = ["sh", "-c", f'{before}exec "$@"', "sh", *command]
    return subprocess.run(script, cwd=ROOT, timeout=60, check=False, **options)


@pytest.mark.parametrize("before", ["exec >&-; ", "exec 2>&-; ", "exec <&- >&- 2>&-; "])
def test_a_closed_stream_ends_nothing(tmp_path, before):
    done = tmp_path / "done"

    ended = run(PRINT.format(path=str(done)), before=before)

    assert ended.returncode == 0
    # And what was printed did not go into the file that was opened next.
    assert done.read_text() == "done"


def test_a_reader_that_leaves_ends_nothing(tmp_path):
    done = tmp_path / "done"
    read, write = os.pipe()
    os.close(read)

    ended = run(PRINT.format(path=str(done)), stdout=write, stderr=write)

    os.close(write)
    assert ended.returncode == 0
    assert done.read_text() == "done"


def test_a_terminal_that_closes_ends_nothing(tmp_path):
    done = tmp_path / "done"
    master, terminal = pty.openpty()
    os.close(master)

    ended = run(PRINT.format(path=str(done)), stdout=terminal, stderr=terminal)

    os.close(terminal)
    assert ended.returncode == 0
    assert done.read_text() == "done"


def test_a_full_disk_is_still_an_error():
    code = "from juggernaut.processes import streams; streams.survive(); print('x', flush=True)"
    with open("/dev/full", "w") as full:  # noqa: PTH123
        ended = run(code, stdout=full, stderr=subprocess.DEVNULL)

    assert ended.returncode != 0


def test_a_hangup_ends_nothing():
    code = """
    import os, signal
    from juggernaut.processes import streams
    streams.ignore_hangups()
    os.kill(os.getpid(), signal.SIGHUP)
    print("alive")
    """

    assert run(code, capture_output=True, text=True).stdout == "alive\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\u001b[2J\\u001b]0;title\\u0007"),
        ("a\rb\x00\x7f\x9b", "a\\u000db\\u0000\\u007f\\u009b"),
        ("safe‮exe", "safe\\u202eexe"),
        ("two\nlines\tand a tab – ünïcode 🙂", "two\nlines\tand a tab – ünïcode 🙂"),
    ],
)
def test_control_characters_are_shown(text, shown):
    assert streams.visible(text) == shown


def test_commands_print_control_characters_visibly():
    ended = subprocess.run(
        [sys.executable, "manage.py", "retry_dlq", "--matching", "\x1b[31mred", "--no\x1b]0;owned\x07"],
        cwd=ROOT, capture_output=True, timeout=60, check=False,
    )  # fmt: skip

    assert ended.returncode != 0
    assert b"\x1b" not in ended.stdout + ended.stderr
    assert b"\\u001b" in ended.stderr
