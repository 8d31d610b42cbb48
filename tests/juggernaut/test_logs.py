"""One log for all processes: whole lines, nothing lost, nobody blocked."""

import fcntl
import logging
import logging.config
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg2
import pytest
from django.db.utils import OperationalError

from governance import log_context
from juggernaut import logs

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) \S+\[\d+\] (.*)$")

WRITER = """
import logging, os, sys
from juggernaut import logs
handler = logs.SharedFile(sys.argv[1], max_bytes=20_000, kept_files=100)
handler.setFormatter(logs.OneLine())
logger = logging.getLogger("writer")
logger.setLevel("INFO")
logger.propagate = False
logger.addHandler(handler)
logger.info("before the fork")
is_child = os.fork() == 0
for number in range(500):
    logger.info("%s-%s-%d %s", sys.argv[2], "child" if is_child else "parent", number, "x" * 100)
if not is_child:
    os.wait()
"""


@pytest.fixture
def log_file(tmp_path):
    return tmp_path / "logs" / "juggernaut.log"


@pytest.fixture
def handler(log_file):
    handler = logs.SharedFile(str(log_file), max_bytes=1000, kept_files=3)
    handler.setFormatter(logs.OneLine())
    yield handler
    handler.close()


def record(message, *arguments, level=logging.ERROR, error=None, **extra):
    exc_info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("some.module", level, "file.py", 1, message, arguments, exc_info)
    made.__dict__.update(extra)
    return made


def test_a_record_is_one_line_with_time_level_process_logger_and_task(handler, log_file, monkeypatch):
    monkeypatch.setenv("JUGGERNAUT_PROCESS", "workers")
    handler.setFormatter(logs.OneLine())

    with log_context.task("0193"):
        handler.emit(record("it failed: %s", "boom"))

    line = log_file.read_text()
    assert LINE.match(line)
    assert f" ERROR workers[{os.getpid()}] some.module task=0193 it failed: boom\n" in line


def test_the_task_of_the_record_itself_wins(handler, log_file):
    with log_context.task("outer"):
        handler.emit(record("it failed", task_id="inner"))

    assert "task=inner" in log_file.read_text()


def test_outside_of_a_task_the_line_names_none(handler, log_file):
    with log_context.task("0193"):
        assert log_context.current_task() == "0193"

    handler.emit(record("it failed"))

    assert "task=" not in log_file.read_text()


def test_tracebacks_and_line_ends_are_folded_into_the_line(handler, log_file):
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        handler.emit(record("forged\n2026 ERROR\r \x1b[31m \u2028", error=error))

    assert len(log_file.read_text().splitlines()) == 1
    assert "forged\\n2026 ERROR\\r \\x1b[31m" in log_file.read_text()
    assert "ValueError: two\\nlines" in log_file.read_text()


def test_a_huge_message_is_cut_and_says_so(handler, log_file):
    handler.emit(record("x" * (logs.MAX_LINE + 7)))

    assert log_file.read_text().endswith("… (7 more characters)\n")


def test_a_lost_database_is_said_in_the_runbook_s_words_whoever_logs_it(handler, log_file):
    lost = OperationalError("connection refused")
    lost.__cause__ = psycopg2.OperationalError("connection refused")

    handler.emit(record("claiming", error=lost))

    assert log_file.read_text().endswith("database connection failed: connection refused (claiming)\n")


def test_a_forged_host_is_one_warning_without_a_traceback(client, settings, tmp_path):
    logging.config.dictConfig(logs.configuration(tmp_path / "juggernaut.log"))
    try:
        assert client.get("/api", headers={"host": "evil.example"}).status_code == 400
    finally:
        logging.config.dictConfig(settings.LOGGING)

    [line] = (tmp_path / "juggernaut.log").read_text().splitlines()
    assert LINE.match(line).group(1) == "WARNING"
    assert "evil.example" in line
    assert "Traceback" not in line


def test_the_file_is_rotated_at_its_size_and_only_so_many_are_kept(handler, log_file):
    for number in range(100):
        handler.emit(record(f"{number} {'x' * 90}"))

    kept = sorted(path.name for path in log_file.parent.glob("juggernaut.log*"))
    assert kept == ["juggernaut.log", "juggernaut.log.1", "juggernaut.log.2", "juggernaut.log.3"]
    assert all(path.stat().st_size < 1200 for path in log_file.parent.glob("juggernaut.log*"))


def test_many_processes_and_their_forks_lose_and_tear_no_line_while_they_rotate(log_file):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(log_file), str(n)], env=_environment())
        for n in range(4)
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4

    lines = [
        line for path in log_file.parent.glob("juggernaut.log*") for line in path.read_text().splitlines()
    ]
    assert all(LINE.match(line) for line in lines)
    said = Counter(line.split(" writer ")[1].split(" ")[0] for line in lines if "before" not in line)
    assert len(said) == 4 * 2 * 500
    assert set(said.values()) == {1}
    assert len(list(log_file.parent.glob("juggernaut.log.*"))) > 5


def test_a_process_frozen_while_it_rotates_blocks_no_other(handler, log_file):
    handler.emit(record("x" * 1000))
    lock = os.open(log_file.with_name(".juggernaut.log.lock"), os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)

    handler.emit(record("goes on"))

    os.close(lock)
    assert "goes on" in log_file.read_text()


def test_a_file_moved_away_by_somebody_else_is_begun_anew(handler, log_file):
    handler.emit(record("first"))
    log_file.rename(log_file.with_name("elsewhere"))

    handler.emit(record("second"))

    assert "second" in log_file.read_text()


def test_a_log_that_cannot_be_written_is_said_once_and_kills_nobody(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    handler = logs.SharedFile(str(tmp_path / "file" / "juggernaut.log"))

    handler.emit(record("first"))
    handler.emit(record("second"))

    assert capsys.readouterr().err.count("juggernaut: cannot write the log") == 1


@pytest.mark.parametrize(
    ("argv", "role"),
    [
        (["main.py"], "main"),
        (["watchdog_main.py"], "watchdog"),
        (["manage.py", "run_workers"], "workers"),
        (["manage.py", "diagnose", "--json"], "diagnose"),
        (["/x/bin/gunicorn"], "web"),
        (["/x/site-packages/gunicorn/__main__.py"], "web"),
        (["-c"], "python"),
    ],
)
def test_a_process_is_named_after_its_command_when_nobody_named_it(monkeypatch, argv, role):
    monkeypatch.delenv("JUGGERNAUT_PROCESS", raising=False)
    monkeypatch.setattr(sys, "argv", argv)

    assert logs.role() == role


def test_the_log_folder_can_be_moved(monkeypatch):
    monkeypatch.setenv("JUGGERNAUT_LOGS", "/somewhere")
    assert logs.log_file(Path("/root")) == Path("/somewhere/juggernaut.log")

    monkeypatch.delenv("JUGGERNAUT_LOGS")
    assert logs.log_file(Path("/root")) == Path("/root/logs/juggernaut.log")


def _environment():
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
