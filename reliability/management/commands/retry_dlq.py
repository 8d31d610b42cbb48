"""`manage.py retry_dlq`: start the tasks of dead letters again."""

from argparse import ArgumentParser
from typing import Any

from governance.models import DeadLetter
from reliability.dead_letters import services as dead_letters
from reliability.dead_letters.filters import DeadLetterFilter
from reliability.management.redrive_command import RedriveCommand


class Command(RedriveCommand):
    help = (
        "Give the tasks of dead letters fresh attempts: of those named, at once; of all that match a filter,"
        " by a redrive that tries a few first and stops itself when they fail again."
    )
    done = "retried"
    movable = (DeadLetter.Status.PENDING,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_choice_arguments(parser)
        parser.add_argument(
            "--reason", default="", help="why; kept in the history of every task, and with the redrive"
        )
        self.add_terms(parser)
        parser.add_argument("--detach", action="store_true", help="do not wait until the redrive ends")

    def handle(self, *, ids: list[str], reason: str, dry_run: bool, detach: bool, **options: Any) -> None:
        chosen = self.choice(ids, options)
        if isinstance(chosen, DeadLetterFilter):
            if dry_run:
                self.preview(chosen, options)
            else:
                self.start(chosen, reason or f"retry_dlq: {chosen}"[:1000], options, detach=detach)
            return
        steps = (
            dead_letters.retry(batch, actor=self.actor, reason=reason)
            for batch in dead_letters.batches(chosen)
        )
        outcome = self.forecast(chosen) if dry_run else self.carry_out(steps, len(chosen))
        self.tell(outcome, dry_run=dry_run)
        self.refuse_skipped("retry", outcome)
