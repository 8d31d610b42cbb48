"""The log: every process of the system writes to one file, a line a record; what matters goes to stderr, too.

    2026-11-24T02:32:43.123Z ERROR workers[4711] reliability.engine task=0193… it failed: boom

The file is written without a lock: a line is one `write` in append mode, which the kernel keeps whole.
A lock held by a frozen process would stop the logging, and so the work, of all others. The lock of
the rotation is only ever tried: who does not get it goes on writing to the file as it is.
"""

import fcntl
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

from governance import log_context
from governance.audit import redaction
from governance.db import errors as db_errors
from juggernaut.configuration import current, hide_secrets

MAX_BYTES = 20 * 1024 * 1024
KEPT_FILES = 5
MAX_LINE = 32 * 1024
# Control characters and Unicode's line ends, shown as escapes: whoever feeds us text forges no lines.
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): " ",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def log_file(root: Path) -> Path:
    """`juggernaut.log` in the folder `JUGGERNAUT_LOGS`, else in `logs/` at the project's root."""
    return (current().logs or root / "logs").absolute() / "juggernaut.log"


def role() -> str:
    """What this process is in the system: `JUGGERNAUT_PROCESS`, else told from its command line."""
    if named := current().process:
        return named.removeprefix("juggernaut ").replace(" ", "-")
    program = Path(sys.argv[0]).stem
    if program == "__main__":  # as `python -m gunicorn` has it
        program = Path(sys.argv[0]).parent.name
    if program in {"", "-", "-c", "-m"}:
        return "python"
    if program in {"manage", "django-admin"} and len(sys.argv) > 1:
        program = sys.argv[1]
    return {"watchdog_main": "watchdog", "run_workers": "workers", "gunicorn": "web"}.get(program, program)


def configuration(log_file: Path) -> dict[str, Any]:
    """Django's `LOGGING`. gunicorn and django-q2 have no handlers of their own and end up here too.

    Whoever logs knows from then on which secrets must not stand there.
    """
    configured = current()
    hide_secrets(configured)
    chosen = logging.getLevelNamesMapping()[configured.log_level]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "juggernaut.logs.OneLine"}},
        "filters": {
            "unexpected": {"()": "juggernaut.logs.Unexpected"},
            "forged": {"()": "juggernaut.logs.Forged"},
        },
        "handlers": {
            "file": {
                "class": "juggernaut.logs.SharedFile",
                "path": str(log_file),
                "level": min(chosen, logging.INFO),
                "formatter": "line",
                "filters": ["forged"],
            },
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "line",
            },
            "stderr": {
                "class": "logging.StreamHandler",
                "level": chosen,
                "formatter": "line",
                "filters": ["forged"],
            },
        },
        "root": {"level": min(chosen, logging.INFO), "handlers": ["file", "stderr"]},
        "loggers": {
            # Django gives this one handlers of its own, for mail and for its development server.
            "django": {"level": min(chosen, logging.INFO), "handlers": [], "propagate": True},
            # 4xx are the client's errors; ours are logged as ERROR.
            "django.request": {"level": "ERROR", "filters": ["unexpected"]},
            # django-q2 logs each message at INFO, which halves its rate.
            "django-q": {"level": "WARNING", "handlers": [], "propagate": True},
            # It logs the URL of each request at INFO, and with it what is secret in a query string.
            "httpx2": {"level": "WARNING"},
            # What it logs at DEBUG are headers of answers, with cookies in them.
            "httpcore2": {"level": "INFO"},
            # Four lines for each login that succeeds.
            "axes": {"level": "WARNING"},
            "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
            # Who asked for what: only if asked for, and not into the file, whose room errors need.
            "gunicorn.access": {"level": "INFO", "handlers": ["stdout"], "propagate": False},
        },
    }


class Unexpected(logging.Filter):
    """Drops "Service Unavailable": whoever decides to answer that has said why, and not at every request."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) != HTTPStatus.SERVICE_UNAVAILABLE


class Forged(logging.Filter):
    """Requests that Django refuses as suspicious (a forged Host, say) are the sender's errors, not ours: one
    warning without a traceback, so that nobody can fill the log with errors from outside."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security."):
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.exc_info = record.exc_text = None
        return True


class OneLine(logging.Formatter):
    """Time in UTC, level, process, logger, task if known, and the message with its traceback folded."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._role = role()

    def format(self, record: logging.LogRecord) -> str:
        task = getattr(record, "task_id", None) or log_context.current_task()
        said = self._said(record).translate(_ESCAPES)
        more = f"… ({len(said) - MAX_LINE} more characters)" if len(said) > MAX_LINE else ""
        said = f"{redaction.hide(said[: 2 * MAX_LINE])[:MAX_LINE]}{more}"
        where = f"{self._role}[{record.process}] {record.name}{f' task={task}' if task else ''}"
        return f"{self.formatTime(record)} {record.levelname} {where} {said}"

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{seconds}.{int(record.msecs):03d}Z"

    def _said(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error and db_errors.is_unavailable(error):
            # The traceback of an outage tells where we noticed, which helps nobody.
            described = db_errors.describe(error)
            return message if db_errors.headline(error) in message else f"{described} ({message})"
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        stack = self.formatStack(record.stack_info) if record.stack_info else ""
        return "\n".join(filter(None, [message, traceback, stack]))


class SharedFile(logging.Handler):
    """Appends to a file that other processes append to and rotate at the same time; see the module."""

    def __init__(self, path: str, *, max_bytes: int = MAX_BYTES, kept_files: int = KEPT_FILES) -> None:
        super().__init__()
        self.path = Path(path)
        self.max_bytes = max_bytes
        self.kept_files = kept_files
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None
        self._is_failing = False

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{self.format(record)}\n".encode(errors="backslashreplace")
        try:
            os.write(self._current(), line)
            self._is_failing = False
        except OSError as error:
            self._say_once(error)

    def close(self) -> None:
        self._forget()
        super().close()

    def _current(self) -> int:
        """A descriptor of the file that the path names now; rotated first if it is full."""
        found = self._stat()
        if found and found.st_size >= self.max_bytes:
            self._try_to_rotate()
            found = self._stat()
        if self._descriptor is None or found is None or (found.st_dev, found.st_ino) != self._identity:
            self._open()
        assert self._descriptor is not None
        return self._descriptor

    def _open(self) -> None:
        self._forget()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        opened = os.fstat(self._descriptor)
        self._identity = (opened.st_dev, opened.st_ino)

    def _forget(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = self._identity = None

    def _try_to_rotate(self) -> None:
        with self._rotation() as is_ours:
            # Another process may have rotated between our look and our lock.
            if is_ours and (found := self._stat()) and found.st_size >= self.max_bytes:
                for number in range(self.kept_files - 1, 0, -1):
                    _rename(self._kept(number), self._kept(number + 1))
                _rename(self.path, self._kept(1))

    @contextmanager
    def _rotation(self) -> Iterator[bool]:
        lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            yield False
            return
        try:
            yield True
        finally:
            # A child forked meanwhile holds the same lock through its copy, unless it is let go here.
            fcntl.flock(lock, fcntl.LOCK_UN)
            os.close(lock)

    def _kept(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _stat(self) -> os.stat_result | None:
        try:
            return self.path.stat()
        except FileNotFoundError:
            return None

    def _say_once(self, error: OSError) -> None:
        """Nobody dies of a log that cannot be written; but it is said where somebody may see it."""
        if not self._is_failing:
            self._is_failing = True
            sys.stderr.write(f"juggernaut: cannot write the log: {error}\n")


def _rename(old: Path, new: Path) -> None:
    try:
        old.replace(new)
    except FileNotFoundError:
        return
