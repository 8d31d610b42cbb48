"""The permission matrix: workers across, tools down."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from governance.models import ToolPermission, Worker

# A matrix larger than this is read by nobody; the list has them all.
TOOLS_SHOWN = 200


@dataclass(frozen=True)
class Cell:
    """What the rows say of one worker and one name; `word` is empty where there is no row."""

    worker_id: str
    word: str
    tone: str
    row: ToolPermission | None


@dataclass(frozen=True)
class Matrix:
    workers: list[str]
    lines: list[tuple[str, list[Cell]]]
    is_cut: bool


def draw(*, now: datetime) -> Matrix:
    """Two queries, however many rows there are."""
    workers = list(Worker.objects.order_by("pk").values_list("pk", flat=True))
    rows: dict[tuple[str, str], list[ToolPermission]] = defaultdict(list)
    for row in ToolPermission.objects.filter(worker_id__in=workers):
        rows[row.tool_name, row.worker_id].append(row)
    tools = sorted({tool for tool, _ in rows})
    lines = [
        (tool, [_cell(worker, rows.get((tool, worker), []), now) for worker in workers])
        for tool in tools[:TOOLS_SHOWN]
    ]
    return Matrix(workers, lines, is_cut=len(tools) > TOOLS_SHOWN)


def _cell(worker_id: str, rows: list[ToolPermission], now: datetime) -> Cell:
    """What denies is shown first, for it wins; then what counts now, then what does not."""
    told = sorted((_told(row, now) for row in rows), key=lambda found: found[0])
    if not told:
        return Cell(worker_id, "", "", None)
    _, word, tone, row = told[0]
    return Cell(worker_id, word, tone, row)


def _told(row: ToolPermission, now: datetime) -> tuple[int, str, str, ToolPermission]:
    if row.valid_until and row.valid_until <= now:
        return 4, "ended", "ended", row
    if row.valid_from and row.valid_from > now:
        return 3, "later", "waiting", row
    if row.effect == ToolPermission.Effect.DENY:
        return 0, "denied", "bad", row
    if row.requires_approval:
        return 1, "asks", "held", row
    return 2, "allowed", "good", row
