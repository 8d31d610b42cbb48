"""`manage.py resolve_dlq`: close dead letters that need nobody any more."""

from argparse import ArgumentParser
from typing import Any

from governance.models import DeadLetter
from reliability.dead_letters import services as dead_letters
from reliability.dead_letters.filters import DeadLetterFilter
from reliability.management.dead_letter_command import DeadLetterCommand


class Command(DeadLetterCommand):
    help = (
        "Close dead letters with a note: those named, or all open ones that match a filter. Their tasks stay"
        " as they are."
    )
    done = "resolved"
    movable = (DeadLetter.Status.PENDING, DeadLetter.Status.RETRYING)

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_choice_arguments(parser)
        parser.add_argument("--note", required=True, help="what was done about it; kept with every letter")

    def handle(self, *, ids: list[str], note: str, dry_run: bool, **options: Any) -> None:
        chosen = self.choice(ids, options)
        is_named = not isinstance(chosen, DeadLetterFilter)
        letters = dead_letters.open_ids(chosen) if isinstance(chosen, DeadLetterFilter) else chosen
        steps = (
            dead_letters.resolve(batch, actor=self.actor, note=note)
            for batch in dead_letters.batches(letters)
        )
        outcome = self.forecast(letters) if dry_run else self.carry_out(steps, len(letters))
        self.tell(outcome, dry_run=dry_run)
        if is_named:
            self.refuse_skipped("resolve", outcome)
