"""The table that a run prints."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One measured value with its unit, and the goal of the design where there is one."""

    what: str
    value: float
    unit: str
    goal: str = ""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def table(rows: list[Row]) -> str:
    """Plain columns, widest value decides."""
    cells = [("what", "measured", "unit", "goal")]
    cells += [(row.what, _number(row.value), row.unit, row.goal) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    return "\n".join(
        f"{what:<{widths[0]}}  {value:>{widths[1]}}  {unit:<{widths[2]}}  {goal}".rstrip()
        for what, value, unit, goal in cells
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value < 10 else f"{value:.1f}"
