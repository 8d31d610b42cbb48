"""`files.*` stay in the folder of their task, whatever they are told and whatever lies there."""

import base64
import os

import pytest

from governance.models import Task
from reliability.failures import PermanentFailure
from tests.door import running_as
from tests.tools.calls import call
from workers import tools
from workers.tools.registry import InvalidArguments
from workers.workspaces import storage as workspaces


@pytest.fixture
def folder(context, settings):
    """Where the files of the task lie, outside of the tool's control."""
    call(context, "files.write", path="first.txt", content="first")
    return settings.JUGGERNAUT_WORKSPACES / str(context.task_id)


def test_a_file_is_written_read_listed_and_deleted(context):
    call(context, "files.write", path="notes/today.md", content="grüße\x00")
    call(context, "files.write", path="notes/today.md", content="grüße\x00!")

    assert call(context, "files.list")["files"] == [
        {"path": "notes/", "size": None},
        {"path": "notes/today.md", "size": 9},
    ]
    read = call(context, "files.read", path="notes/today.md")
    assert read == {"content": "grüße�!", "size": 9, "truncated": False}
    assert call(context, "files.read", path="notes/today.md", limit=2)["truncated"]
    assert call(context, "files.delete", path="notes/today.md")["deleted"] is True
    assert call(context, "files.delete", path="notes/today.md")["deleted"] is False
    assert call(context, "files.delete", path="notes")["deleted"] is True
    assert call(context, "files.list")["files"] == []


def test_bytes_go_as_base64(context):
    raw = bytes(range(256))

    call(context, "files.write", path="b", content=base64.b64encode(raw).decode(), encoding="base64")

    read = call(context, "files.read", path="b", encoding="base64", offset=200)
    assert base64.b64decode(read["content"]) == raw[200:]


BAD_PATHS = [
    "../x", "a/../../x", "..", ".", "/etc/passwd", "a//b", "a/", "./a", "a/./b", "a\\..\\b", "a\x00b", "a\nb",
    "\x7f", "x" * 501, "a/" * 11 + "b", "é" * 101, ".draft-1", "a/.draft-1", "", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("path", BAD_PATHS, ids=[ascii(path)[:30] for path in BAD_PATHS])
@pytest.mark.parametrize("name", ["files.read", "files.write", "files.delete"])
def test_a_path_that_leads_elsewhere_is_refused(path, name):
    content = {"content": "x"} if name == "files.write" else {}

    with pytest.raises(InvalidArguments, match=r"arguments\.path"):
        tools.get(name).parse({"path": path} | content)


def test_a_link_is_not_followed_and_not_listed(context, folder, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "word").write_text("hidden")
    (folder / "out").symlink_to(secret)
    (folder / "file").symlink_to(secret / "word")

    for path in ("out/word", "file"):
        with pytest.raises(PermanentFailure, match="link"):
            call(context, "files.read", path=path)
        with pytest.raises(PermanentFailure, match="link"):
            call(context, "files.write", path=path, content="gone")
    with pytest.raises(PermanentFailure, match="link"):
        call(context, "files.delete", path="out/word")
    assert [entry["path"] for entry in call(context, "files.list")["files"]] == ["first.txt"]
    assert (secret / "word").read_text() == "hidden"


def test_a_link_instead_of_the_workspace_is_not_followed(context, folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)

    with pytest.raises(PermanentFailure, match="link"):
        call(context, "files.read", path="first.txt")


def test_a_pipe_and_a_folder_are_no_files(context, folder):
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()

    for path in ("pipe", "folder"):
        with pytest.raises(PermanentFailure, match=r"no file|a folder"):
            call(context, "files.read", path=path)
        with pytest.raises(PermanentFailure, match=r"no file|a folder"):
            call(context, "files.write", path=path, content="x")


def test_sizes_and_numbers_are_bounded(context, folder, monkeypatch):
    with pytest.raises(InvalidArguments, match="at most 1048576"):
        call(context, "files.write", path="a", content="ä" * 600_000)
    with pytest.raises(InvalidArguments, match="base64"):
        call(context, "files.write", path="a", content="?", encoding="base64")
    monkeypatch.setattr(workspaces, "MAX_WORKSPACE_BYTES", 10)
    with pytest.raises(PermanentFailure, match="more than 10 bytes"):
        call(context, "files.write", path="a", content="123456")
    monkeypatch.setattr(workspaces, "MAX_ENTRIES", 1)
    with pytest.raises(PermanentFailure, match="which is all it may"):
        call(context, "files.write", path="a", content="1")
    call(context, "files.write", path="first.txt", content="replaced")
    assert call(context, "files.read", path="first.txt")["content"] == "replaced"


def test_a_write_that_fails_leaves_what_was_there(context, folder, monkeypatch):
    def fail(file, content):
        raise OSError(28, "")

    monkeypatch.setattr(workspaces, "_write_all", fail)

    with pytest.raises(Exception, match="No space left"):
        call(context, "files.write", path="first.txt", content="second")

    assert [path.name for path in folder.iterdir()] == ["first.txt"]
    assert (folder / "first.txt").read_text() == "first"


def test_a_child_shares_the_folder_and_a_stranger_does_not(context, folder):
    child, stranger = running_as("EXECUTOR", parent=str(context.task_id)), running_as("EXECUTOR")

    assert call(child, "files.read", path="first.txt")["content"] == "first"
    with pytest.raises(PermanentFailure, match="no such file"):
        call(stranger, "files.read", path="first.txt")
    assert Task.objects.get(pk=child.task_id).parent_id == context.task_id
