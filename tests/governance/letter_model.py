"""A small model of tasks and their dead letters: what must be true after each thing that anybody does."""

from dataclasses import dataclass, field
from uuid import UUID

from governance.tasks.transitions.types import MAX_CRASHES, ClaimedTask

LIVE = {"pending", "in_progress", "parked", "waiting_approval"}
OPEN = {"pending", "retrying"}


@dataclass
class Known:
    """One task. `open` is the state of its open letter, or empty; `letters` counts all it has."""

    status: str = "pending"
    open: str = ""
    letters: int = 0
    completions: int = 0
    crashes: int = 0
    lease: ClaimedTask | None = None
    process: UUID | None = None
    old: list[ClaimedTask] = field(default_factory=list)

    def starts(self, lease: ClaimedTask, process: UUID) -> None:
        assert self.status == "pending"
        self.status, self.lease, self.process = "in_progress", lease, process

    def goes(self, status: str) -> None:
        """Anybody moves it, and it does not get a letter by that."""
        if status in LIVE:
            self.open = self.open and "retrying"
        else:
            self.open = ""
        self.completions += status == "completed"
        if self.status not in LIVE and status == "pending":
            self.crashes = 0
        self._moves(status)

    def dies(self) -> None:
        """Reliability, or an operator's `move`, gives it up."""
        self.letters += not self.open
        self.open = "pending"
        self._moves("failed")

    def crashes_once(self) -> None:
        self.crashes += 1
        if self.crashes >= MAX_CRASHES:
            self.dies()
        else:
            self.goes("pending")

    def _moves(self, status: str) -> None:
        if self.lease:
            self.old.append(self.lease)
        self.status, self.lease, self.process = status, None, None
