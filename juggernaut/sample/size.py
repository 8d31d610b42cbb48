"""The size of the sample installation."""

from dataclasses import dataclass

# A letter costs ten regular expressions, so at most half of the tasks have one.
MOST_DEAD = 0.5
# Families of a workflow and its steps have this many tasks; a slice holds whole families.
FAMILY = 20


@dataclass(frozen=True, slots=True)
class Size:
    """So many rows, spread evenly over the last `days`.

    Every ledger line has its hold; `calls` of them have a row of `tool_executions` too. `resolved` is every
    how manieth letter has been resolved; 0 is none. `surroundings` are approvals, audit, breakers, sweeps,
    redrives and recurring tasks.
    """

    tasks: int = 1_000_000
    letters: int = 100_000
    lines: int = 10_000_000
    calls: int = 2_000_000
    groups: int = 200
    days: int = 30
    resolved: int = 10
    surroundings: bool = True
    # Tasks whose rows are written in one transaction.
    slice: int = 20_000

    def __post_init__(self) -> None:
        """Raises `ValueError` that names the number that cannot be."""
        if self.tasks < 1 or self.groups < 1 or self.days < 1:
            raise ValueError("tasks, groups and days are at least 1")
        if min(self.letters, self.lines, self.calls, self.resolved) < 0:
            raise ValueError("letters, lines, calls and resolved are at least 0")
        if self.letters > self.tasks * MOST_DEAD:
            raise ValueError(f"letters: at most half of the tasks ({self.tasks:,}) can be dead letters")
        if self.calls > self.lines:
            raise ValueError(f"calls: at most one for each ledger line ({self.lines:,})")
        if self.slice < FAMILY or self.slice % FAMILY:
            raise ValueError(f"slice: a multiple of {FAMILY}, as a workflow and its steps lie in one")
