"""The memory of every process of the system, and what it has grown by."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from monitoring import memory
from tests.polling import until

GROWING = """
import sys, pathlib, setproctitle
setproctitle.setproctitle("juggernaut test: grower")
from monitoring import memory
memory.note_start(pathlib.Path(sys.argv[1]))
held = bytearray(b"x") * (40 * 1024 * 1024)
print("grown", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def grower():
    """A process of the system that has grown by 40 MiB since it noted its size."""
    process = subprocess.Popen(
        [sys.executable, "-c", GROWING, str(settings.VAR_DIR)],
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(settings.BASE_DIR)},
    )
    assert process.stdout
    assert process.stdout.readline() == b"grown\n"
    yield process
    process.communicate()


def test_a_process_is_listed_by_its_title_with_its_growth(grower):
    size = next(size for size in memory.sizes() if size.pid == grower.pid)

    assert size.name == "juggernaut test: grower"
    assert size.growth is not None
    assert 40 * 2**20 <= size.growth < size.rss


def test_children_of_the_system_s_processes_belong_to_it(grower):
    assert all(size.rss > 0 for size in memory.sizes())
    assert os.getpid() not in {size.pid for size in memory.sizes()}


def test_the_notes_of_the_dead_are_removed(grower):
    def notes():
        return list(memory._folder(settings.VAR_DIR).glob(f"{grower.pid}-*"))

    assert notes()
    grower.communicate()
    memory.sizes()

    assert until(lambda: not notes(), what="the note is gone")


def test_a_note_that_cannot_be_written_stops_nobody(tmp_path):
    (tmp_path / "file").write_text("")

    memory.note_start(tmp_path / "file")

    assert (tmp_path / "file").read_text() == ""
