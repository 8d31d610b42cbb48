"""`cancel_task`, `terminate_task`, `retry_task`: for tasks named by id, or all that match a filter."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import CommandError

from governance.errors import TaskNotFound, TransitionConflict
from governance.management.command import GovernanceCommand, parse_id
from governance.tasks import selectors
from governance.tasks.services import Outcome

_BATCH = 1000
_FILTERS = {
    "status": "state that they are in; may be repeated",
    "task_type": "their type; may be repeated",
    "assigned_worker": "the worker that they are assigned to; may be repeated",
    "created_by": "who submitted them; may be repeated",
    "waiting_for": "what they wait for, as in 'breaker openrouter'; may be repeated",
    "created_after": "created at or after this time (ISO 8601 with a zone)",
    "created_before": "created before this time (ISO 8601 with a zone)",
    "parent": "id of the task that they are part of",
}


class VerbCommand(GovernanceCommand):
    """The subclass names the verb of `governance.tasks.services`, its past tense, and the states it leads
    from."""

    verb: ClassVar[Any]
    done: ClassVar[str]
    movable: ClassVar[Sequence[str]]
    needs_reason: ClassVar[bool] = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="ids of tasks")
        parser.add_argument(
            "--reason", required=self.needs_reason, default="", help="why; kept in the history of every task"
        )
        for name, meaning in _FILTERS.items():
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, action="append", help=f"all tasks by {meaning}")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        self.add_json_argument(parser)

    def handle(self, *, ids: list[str], reason: str, dry_run: bool, **options: Any) -> None:
        if self.needs_reason and not reason.strip():
            raise CommandError("--reason must say something: it is kept in the history of every task")
        asked = {name: options[name] for name in _FILTERS if options[name]}
        if bool(ids) == bool(asked):
            raise CommandError("name tasks by their ids or by filters (see --help), one of both")
        chosen = self._existing(ids) if ids else self._matching(asked)
        outcome = self._forecast(chosen) if dry_run else self._carry_out(chosen, reason)
        self._tell(outcome, dry_run)
        if ids and outcome.skipped:
            task_id, found = next(iter(outcome.skipped.items()))
            raise CommandError(str(TransitionConflict(task_id, type(self).verb.__name__, found)))

    def _existing(self, names: Sequence[str]) -> list[UUID]:
        ids = [parse_id(name, "a task") for name in dict.fromkeys(names)]
        known = selectors.statuses(ids, actor=self.actor)
        if unknown := [task_id for task_id in ids if task_id not in known]:
            raise TaskNotFound(unknown[0])
        return ids

    def _matching(self, asked: dict[str, list[str]]) -> list[UUID]:
        return selectors.task_ids(selectors.parse_filter(asked), actor=self.actor)

    def _carry_out(self, ids: list[UUID], reason: str) -> Outcome:
        total = Outcome(moved={}, skipped={})
        for batch in _batches(ids):
            outcome = self.verb(batch, actor=self.actor, reason=reason)
            total.moved.update(outcome.moved)
            total.skipped.update(outcome.skipped)
            self._show_progress(len(total.moved) + len(total.skipped), len(ids))
        return total

    def _forecast(self, ids: list[UUID]) -> Outcome:
        total = Outcome(moved={}, skipped={})
        for batch in _batches(ids):
            for task_id, status in selectors.statuses(batch, actor=self.actor).items():
                (total.moved if status in self.movable else total.skipped)[task_id] = status
        return total

    def _show_progress(self, done: int, total: int) -> None:
        if total > _BATCH and sys.stderr.isatty():
            self.stderr.write(f"\r{done} of {total}", ending="" if done < total else "\n")

    def _tell(self, outcome: Outcome, dry_run: bool) -> None:
        skipped = Counter(outcome.skipped.values())
        document = {"dry_run": dry_run, "moved": len(outcome.moved), "skipped": dict(skipped)}
        moved = f"{'would be ' if dry_run else ''}{self.done}: {len(outcome.moved)}"
        states = ", ".join(f"{count} {status}" for status, count in sorted(skipped.items()))
        self.say(document, f"{moved}; skipped: {len(outcome.skipped)}{states and f' ({states})'}")


def _batches(ids: list[UUID]) -> Iterator[list[UUID]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
