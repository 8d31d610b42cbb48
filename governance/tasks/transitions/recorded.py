"""The result of a transition of many tasks, some of which may be locked by another session."""

from collections.abc import Iterable
from uuid import UUID

from governance.db.prepared_statements import Prepared


class Recorded(set[UUID]):
    """The ids that moved. `locked` are those that are still held as reported, and whose rows somebody else
    has locked: report them again later. The rest was lost before."""

    def __init__(self, moved: Iterable[UUID] = (), *, locked: Iterable[UUID] = ()) -> None:
        super().__init__(moved)
        self.locked = frozenset(locked)


_HELD = Prepared(
    "held",
    """
SELECT t.id FROM unnest(%(ids)s::uuid[], %(tokens)s::bigint[]) AS said(id, token)
JOIN governance_tasks t ON t.id = said.id AND t.status = 'in_progress' AND t.lease_token = said.token
  AND (%(process)s::uuid IS NULL OR t.lease_owner = %(process)s::uuid)""",
    ids="uuid[]",
    tokens="bigint[]",
    process="uuid",
)


def still_held(tokens: dict[UUID, int], *, process_id: UUID | None = None) -> set[UUID]:
    """Those of these tasks (id → token) whose lease is still the one named, as far as is committed.

    An edge that skips locked rows asks it about the rows that it did not get.
    """
    if not tokens:
        return set()
    process = None if process_id is None else str(process_id)
    ids = [str(task) for task in tokens]
    rows = _HELD.run({"ids": ids, "tokens": list(tokens.values()), "process": process})
    return {row[0] for row in rows}
