"""Commits that let go of their rows before the disk has them, and the wait for the disk afterwards.

A commit that waits for the disk keeps its rows locked while it waits. On a row that everybody updates, such
as the fleet's window, all others then wait for one disk write after the other, each for one commit alone. So
the statements that lock such rows say `set_config('synchronous_commit', 'off', true)`, which holds until
their transaction ends: then it is seen by all, its rows are free, and whoever made it waits in `flush`, where
one write serves all who wait. The log is written in order: what is flushed takes along all that was committed
before, so nothing that came of such a commit can outlive it.
"""

from django.db import connection, transaction

# A message to nobody: the smallest transaction whose commit waits for the disk.
_FLUSH = "SELECT pg_logical_emit_message(true, 'juggernaut', '')"


def flush_after_commit() -> None:
    """Have the open transaction on disk before its `atomic` block is left; at once if none is open."""
    transaction.on_commit(flush)


def flush() -> str:
    """Wait until everything that was committed is on disk; returns how far that is (an LSN).

    Raises what the database raises: then it is committed, and nobody knows whether it is on disk.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FLUSH)
        reached: str = cursor.fetchone()[0]
    return reached
