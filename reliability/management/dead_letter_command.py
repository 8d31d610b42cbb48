"""Base of the commands of dead letters: selection by ids or by a filter, and the result."""

import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.core.management.base import CommandError

from governance.errors import DeadLetterConflict, DeadLetterNotFound
from governance.management.command import GovernanceCommand, parse_id
from reliability.dead_letters import filters, selectors
from reliability.dead_letters import services as dead_letters
from reliability.dead_letters.filters import DeadLetterFilter
from reliability.dead_letters.services import Outcome
from reliability.management.progress import Bar

_FILTERS = {
    "matching": "text that their error contains, e.g. 'connection reset'",
    "group": "id of the group that they belong to; may be repeated",
    "status": "state that they are in: pending, retrying, resolved; may be repeated",
    "task_type": "the type of their task; may be repeated",
    "worker": "the worker that failed; may be repeated",
    "service": "the service that was called; may be repeated",
    "tool": "the tool that was called; may be repeated",
    "cause": "why the task was given up: attempts, permanent, crashes, deadline, denied, operator",
    "created_after": "created at or after this time (ISO 8601 with a zone)",
    "created_before": "created before this time (ISO 8601 with a zone)",
}


class DeadLetterCommand(GovernanceCommand):
    """A command about dead letters; one that changes some names what it did, and the states it leads from."""

    done: ClassVar[str] = ""
    movable: ClassVar[Sequence[str]] = ()

    def add_filter_arguments(self, parser: ArgumentParser) -> None:
        for name, meaning in _FILTERS.items():
            parser.add_argument(
                f"--{name.replace('_', '-')}", action="append", help=f"dead letters by {meaning}"
            )

    def add_choice_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="ids of dead letters")
        self.add_filter_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        self.add_json_argument(parser)

    def asked(self, options: Mapping[str, Any]) -> dict[str, list[str]]:
        """What the filter options say, under the filter's own names."""
        said = {name: options[name] for name in _FILTERS if options[name]}
        return {"signature" if name == "group" else name: values for name, values in said.items()}

    def choice(self, ids: list[str], options: Mapping[str, Any]) -> list[UUID] | DeadLetterFilter:
        """The letters that are meant: those named, all of which exist, or what the filter says."""
        asked = self.asked(options)
        if bool(ids) == bool(asked):
            raise CommandError("name dead letters by their ids or by filters (see --help), one of both")
        return self._existing(ids) if ids else filters.parse_query(asked)

    def carry_out(self, steps: Iterable[Outcome], total: int) -> Outcome:
        """Add up what each step did, and show how far it is."""
        done, bar = Outcome(moved={}, skipped={}), Bar(sys.stderr)
        for outcome in steps:
            done.moved.update(outcome.moved)
            done.skipped.update(outcome.skipped)
            bar.show(len(done.moved) + len(done.skipped), total)
        bar.end()
        return done

    def forecast(self, ids: list[UUID]) -> Outcome:
        total = Outcome(moved={}, skipped={})
        for batch in dead_letters.batches(ids):
            for letter_id, status in selectors.statuses(batch, actor=self.actor).items():
                (total.moved if status in self.movable else total.skipped)[letter_id] = status
        return total

    def tell(self, outcome: Outcome, *, dry_run: bool) -> None:
        skipped = Counter(outcome.skipped.values())
        document = {"dry_run": dry_run, "moved": len(outcome.moved), "skipped": dict(skipped)}
        moved = f"{'would be ' if dry_run else ''}{self.done}: {len(outcome.moved)}"
        states = ", ".join(f"{count} {status}" for status, count in sorted(skipped.items()))
        self.say(document, f"{moved}; skipped: {len(outcome.skipped)}{states and f' ({states})'}")

    def refuse_skipped(self, verb: str, outcome: Outcome) -> None:
        """Who named a letter that cannot be moved learns why by the exit status, too."""
        for letter_id, found in outcome.skipped.items():
            raise DeadLetterConflict(letter_id, verb, found)

    def _existing(self, names: Sequence[str]) -> list[UUID]:
        ids = [parse_id(name, "a dead letter") for name in dict.fromkeys(names)]
        known = selectors.statuses(ids, actor=self.actor)
        if unknown := [letter_id for letter_id in ids if letter_id not in known]:
            raise DeadLetterNotFound(unknown[0])
        return ids
