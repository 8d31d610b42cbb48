"""The files of a task: one folder for each tree of tasks, and no way out of it.

Every name is opened step by step from the workspace's own folder, each step relative to the one before
it and without following links (`openat` with `O_NOFOLLOW`), so that what was checked is what is opened,
whoever moves things about meanwhile.
"""

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from reliability.failures import PermanentFailure, TransientFailure

MAX_FILE_BYTES = 1024 * 1024
MAX_WORKSPACE_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 1_000
MAX_PATH_CHARS = 500
MAX_NAME_BYTES = 200
MAX_DEPTH = 10

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a pipe that somebody put there would keep the caller waiting for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DRAFT = ".draft-"


class BadPath(PermanentFailure):
    """This is no name of a file in a workspace."""


class NoSuchFile(PermanentFailure):
    """Nothing is there under this path."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder, by its path within the workspace; `size` in bytes, none for a folder."""

    path: str
    size: int | None


def flaw_in(path: str) -> str | None:
    """Why this cannot be a path in a workspace, or None."""
    parts = path.split("/")
    if len(path) > MAX_PATH_CHARS or len(parts) > MAX_DEPTH:
        return f"at most {MAX_PATH_CHARS} characters and {MAX_DEPTH} steps are expected"
    if any(part in {"", ".", ".."} for part in parts):
        return "a relative path is expected, as in notes/today.md, without empty steps, . and .."
    if "\\" in path or any(ord(char) < 32 or ord(char) == 127 for char in path):
        return "no backslashes and no control characters are allowed"
    try:
        is_long = any(len(part.encode()) > MAX_NAME_BYTES for part in parts)
    except UnicodeEncodeError:
        return "text that can be written as UTF-8 is expected"
    if is_long:
        return f"each step has at most {MAX_NAME_BYTES} bytes"
    return f"names that begin with {_DRAFT} are not allowed" if f"/{_DRAFT}" in f"/{path}" else None


class Workspace:
    """The folder of the tree of tasks whose first one is `root`."""

    def __init__(self, root: UUID) -> None:
        self._folder = settings.JUGGERNAUT_WORKSPACES / str(root)

    def read(self, path: str, *, offset: int, limit: int) -> tuple[bytes, int]:
        """At most `limit` bytes of the file, and how many it has; raises `PermanentFailure`."""
        with _told(path), self._parent(path) as (folder, name), _opened(name, _FILE, folder) as file:
            _require_file(file)
            return os.pread(file, limit, offset), os.fstat(file).st_size

    def write(self, path: str, content: bytes) -> None:
        """Put the file there, whole or not at all; folders on the way are made."""
        self._refuse_too_much(path, len(content))
        with _told(path), self._parent(path, makes=True) as (folder, name):
            _refuse_other_than_file(name, folder)
            draft = f"{_DRAFT}{uuid.uuid4().hex}"
            try:
                with _opened(draft, _NEW, folder) as file:
                    _write_all(file, content)
                os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:  # once it has its name, there is no draft
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=folder)

    def delete(self, path: str) -> None:
        """Remove a file, a link, or an empty folder."""
        with _told(path), self._parent(path) as (folder, name):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def entries(self) -> list[Entry]:
        """All that is there, in the order of their paths, at most `MAX_ENTRIES`; links are left out."""
        try:
            with _opened(str(self._folder), _FOLDER, None) as folder:
                return sorted(_walk(folder, "", [MAX_ENTRIES]), key=lambda entry: entry.path)
        except FileNotFoundError:
            return []

    def _refuse_too_much(self, path: str, size: int) -> None:
        """Two who write at the same moment may both be let in: the bound is one file's size off at most."""
        others = [entry for entry in self.entries() if entry.path != path]
        if len(others) >= MAX_ENTRIES:
            raise PermanentFailure(
                f"the workspace holds {MAX_ENTRIES} files and folders, which is all it may"
            )
        if sum(entry.size or 0 for entry in others) + size > MAX_WORKSPACE_BYTES:
            raise PermanentFailure(f"the workspace would hold more than {MAX_WORKSPACE_BYTES} bytes")

    @contextmanager
    def _parent(self, path: str, *, makes: bool = False) -> Iterator[tuple[int, str]]:
        """The open folder that holds the last step of the path, and that step."""
        if flaw := flaw_in(path):
            raise BadPath(f"{path[:100]!r}: {flaw}")
        *folders, name = path.split("/")
        if makes:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.ExitStack() as opened:
            folder = opened.enter_context(_opened(str(self._folder), _FOLDER, None))
            for step in folders:
                if makes:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(step, 0o700, dir_fd=folder)
                folder = opened.enter_context(_opened(step, _FOLDER, folder))
            yield folder, name


@contextmanager
def _opened(name: str, flags: int, folder: int | None) -> Iterator[int]:
    file = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """What the file system says, as a failure that names the path as the caller knows it."""
    try:
        yield
    except FileNotFoundError:
        raise NoSuchFile(f"{path}: there is no such file") from None
    except OSError as error:
        said = _WORDS.get(error.errno or 0)
        if said is None:
            raise TransientFailure(f"{path}: {os.strerror(error.errno or 0)}") from error
        raise PermanentFailure(f"{path}: {said}") from None


_WORDS = {
    errno.ELOOP: "it is a link, and links are not followed",
    errno.ENOTDIR: "a step of the path is no folder (links are not followed)",
    errno.EISDIR: "it is a folder",
    errno.ENOTEMPTY: "the folder is not empty",
    errno.ENXIO: "it is no file",
    errno.EACCES: "the system does not allow it",
    errno.EPERM: "the system does not allow it",
    errno.ENAMETOOLONG: "the name is too long",
}


def _require_file(file: int) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise PermanentFailure("it is no file")


def _refuse_other_than_file(name: str, folder: int) -> None:
    """A file is replaced; a link, or anything else, is not."""
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "")
    if not stat.S_ISREG(mode):
        raise OSError(errno.ELOOP if stat.S_ISLNK(mode) else errno.ENXIO, "")


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]


def _walk(folder: int, prefix: str, left: list[int], depth: int = 0) -> Iterator[Entry]:
    """`left` is how many may still be told, shared by all levels."""
    with os.scandir(folder) as found:
        listed = list(found)
    for item in listed:
        if left[0] <= 0 or item.name.startswith(_DRAFT):
            continue
        mode = item.stat(follow_symlinks=False)
        if stat.S_ISREG(mode.st_mode):
            left[0] -= 1
            yield Entry(prefix + item.name, mode.st_size)
        elif stat.S_ISDIR(mode.st_mode) and depth < MAX_DEPTH:
            left[0] -= 1
            yield Entry(f"{prefix}{item.name}/", None)
            with _opened(item.name, _FOLDER, folder) as inner:
                yield from _walk(inner, f"{prefix}{item.name}/", left, depth + 1)
