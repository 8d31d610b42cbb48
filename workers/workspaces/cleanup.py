"""Old folders of tasks: deleted when the tree of tasks they belong to ended long ago.

The folders are on the machine that ran the tasks, so whoever writes files there looks after them, once an
hour, and so does `manage.py delete_workspaces`.
"""

import contextlib
import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

logger = logging.getLogger(__name__)

EVERY_SECONDS = 3_600.0
# So many folders are deleted at a time: whoever writes a file waits for it.
AT_ONCE = 20
_ASKED_AT_ONCE = 100
_MARK = ".looked-after"
_DOOMED = ".deleted-"

_ENDED = """
WITH RECURSIVE tree AS (
  SELECT id AS root, id, status, completed_at FROM governance_tasks WHERE id = ANY(%(roots)s::uuid[])
  UNION
  SELECT tree.root, t.id, t.status, t.completed_at FROM governance_tasks t JOIN tree ON t.parent_id = tree.id)
SELECT root FROM tree GROUP BY root
HAVING bool_and(status IN ('completed', 'failed', 'cancelled') AND completed_at < %(since)s)"""


def delete_when_due() -> None:
    """Delete some old folders, if nobody on this machine has looked for an hour. Never raises: the call that
    gave the occasion has nothing to do with it."""
    days = settings.JUGGERNAUT_WORKSPACE_RETENTION_DAYS
    try:
        if days and _is_due():
            delete(list(islice(old(timezone.now() - timedelta(days=days)), AT_ONCE)))
    except Exception:
        logger.exception("old workspaces were not deleted")


def old(since: datetime) -> Iterator[Path]:
    """Folders whose tasks have all ended before `since`, the oldest first. A folder of tasks that this
    database does not know is somebody else's, and stays."""
    untouched = sorted(_untouched(since), key=lambda folder: folder.stat().st_mtime)
    for start in range(0, len(untouched), _ASKED_AT_ONCE):
        some = untouched[start : start + _ASKED_AT_ONCE]
        ended = _ended([UUID(folder.name) for folder in some], since)
        yield from (folder for folder in some if UUID(folder.name) in ended)


def delete(folders: Sequence[Path]) -> int:
    """Delete these, and what an earlier call left half done; how many of these are gone."""
    count = 0
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
            # Whoever comes now finds no workspace, rather than half of one.
            folder.rename(folder.with_name(f"{_DOOMED}{folder.name}"))
            count += 1
    for doomed in settings.JUGGERNAUT_WORKSPACES.glob(f"{_DOOMED}*"):
        shutil.rmtree(doomed, ignore_errors=True)
    return count


def _is_due() -> bool:
    mark = settings.JUGGERNAUT_WORKSPACES / _MARK
    with contextlib.suppress(FileNotFoundError):
        if time.time() - mark.stat().st_mtime < EVERY_SECONDS:
            return False
    mark.touch()
    return True


def _untouched(since: datetime) -> Iterator[Path]:
    if not settings.JUGGERNAUT_WORKSPACES.is_dir():
        return
    for folder in settings.JUGGERNAUT_WORKSPACES.iterdir():
        is_one = _is_id(folder.name) and folder.is_dir() and not folder.is_symlink()
        if is_one and folder.stat().st_mtime < since.timestamp():
            yield folder


def _is_id(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _ended(roots: Sequence[UUID], since: datetime) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_ENDED, {"roots": [str(root) for root in roots], "since": since})
        return {root for (root,) in cursor.fetchall()}
