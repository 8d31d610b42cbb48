"""Tools `files.*`: the folder of the task. A task and all below it share the folder of the first one."""

import base64
import binascii
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from governance.tasks import task_tree
from reliability.calls.types import CallPermit
from workers import tools
from workers.workspaces import cleanup
from workers.workspaces import storage as workspaces
from workers.workspaces.storage import MAX_FILE_BYTES, MAX_PATH_CHARS, Workspace

MAX_READ_BYTES = 96 * 1024


def _inside(path: str) -> str:
    if flaw := workspaces.flaw_in(path):
        raise ValueError(flaw)
    return path


Path = Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARS), AfterValidator(_inside)]


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReadFile(_Arguments):
    """`offset` and `limit` are bytes. `encoding` base64 is for files that are no text."""

    path: Path
    offset: int = Field(default=0, ge=0, le=MAX_FILE_BYTES)
    limit: int = Field(default=MAX_READ_BYTES, ge=1, le=MAX_READ_BYTES)
    encoding: Literal["utf-8", "base64"] = "utf-8"


class WriteFile(_Arguments):
    """The whole content of a file, as text or as base64."""

    path: Path
    content: str = Field(max_length=2 * MAX_FILE_BYTES)
    encoding: Literal["utf-8", "base64"] = "utf-8"

    @model_validator(mode="after")
    def _is_encoded(self) -> Self:
        size = len(self.raw())
        if size > MAX_FILE_BYTES:
            raise ValueError(f"content has {size} bytes; a file has at most {MAX_FILE_BYTES}")
        return self

    def raw(self) -> bytes:
        """The bytes to be written; raises ValueError."""
        if self.encoding == "utf-8":
            return self.content.encode()
        try:
            return base64.b64decode(self.content, validate=True)
        except binascii.Error as wrong:
            raise ValueError(f"content is not base64: {wrong}") from None


class ListFiles(_Arguments):
    """No arguments."""


class DeleteFile(_Arguments):
    path: Path


@tools.register("files.read", schema=ReadFile, seconds=15, effect="none", on_unknown="retry")
def read(arguments: ReadFile, permit: CallPermit) -> dict[str, Any]:
    """Read a file of this task's workspace. Answers `content`, the file's `size`, and `truncated`."""
    raw, size = _workspace(permit).read(arguments.path, offset=arguments.offset, limit=arguments.limit)
    if arguments.encoding == "base64":
        content = base64.b64encode(raw).decode()
    else:
        content = raw.decode(errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return {"content": content, "size": size, "truncated": arguments.offset + len(raw) < size}


@tools.register("files.write", schema=WriteFile, seconds=15, effect="inside", on_unknown="retry")
def write(arguments: WriteFile, permit: CallPermit) -> dict[str, Any]:
    """Write a file of this task's workspace, replacing what was there. Folders on the way are made."""
    raw = arguments.raw()
    _workspace(permit).write(arguments.path, raw)
    cleanup.delete_when_due()
    return {"path": arguments.path, "size": len(raw)}


@tools.register("files.list", schema=ListFiles, seconds=15, effect="none", on_unknown="retry")
def list_files(arguments: ListFiles, permit: CallPermit) -> dict[str, Any]:
    """List the files of this task's workspace with their sizes in bytes."""
    found = _workspace(permit).entries()
    return {"files": [{"path": entry.path, "size": entry.size} for entry in found]}


@tools.register("files.delete", schema=DeleteFile, seconds=15, effect="inside", on_unknown="retry")
def delete(arguments: DeleteFile, permit: CallPermit) -> dict[str, Any]:
    """Delete a file or an empty folder of this task's workspace. Answers whether it was there."""
    try:
        _workspace(permit).delete(arguments.path)
    except workspaces.NoSuchFile:
        # A call that is made again after a crash finds nothing, and that is well.
        return {"path": arguments.path, "deleted": False}
    return {"path": arguments.path, "deleted": True}


def _workspace(permit: CallPermit) -> Workspace:
    return Workspace(task_tree.position(permit.task_id).root)
