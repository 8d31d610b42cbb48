"""Base of the commands that start or follow redrives."""

import sys
from argparse import ArgumentParser
from time import sleep
from typing import Any, cast
from uuid import UUID

from django.core.management.base import CommandError
from django.utils import timezone

from reliability import redrives
from reliability.dead_letters import selectors
from reliability.management.dead_letter_command import DeadLetterCommand
from reliability.management.progress import Bar
from reliability.models import Redrive
from reliability.redrives import Chosen, Preview, steps
from reliability.redrives.services import MAX_FAILURE_RATE, PACE_PER_SECOND

POLL_SECONDS = 0.5
_LEFT_ALONE = {Redrive.State.PAUSED, Redrive.State.STOPPED, Redrive.State.ABORTED}


class RedriveCommand(DeadLetterCommand):
    """A command that may start a redrive and look on until it ends."""

    def add_terms(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--pace",
            type=float,
            default=PACE_PER_SECOND,
            help="letters per second (default: %(default)g)",
        )
        parser.add_argument(
            "--no-canary",
            action="store_true",
            help="do not try one, five and a quarter of them first",
        )
        parser.add_argument(
            "--max-failure-rate",
            type=float,
            default=MAX_FAILURE_RATE,
            help="share that may fail again before it stops itself (default: %(default)g)",
        )

    def preview(self, chosen: Chosen, options: dict[str, Any]) -> None:
        forecast = redrives.preview(
            chosen, actor=self.actor, pace=options["pace"], canary=not options["no_canary"]
        )
        self.say({"dry_run": True, "preview": forecast}, *_sentences(forecast))

    def start(self, chosen: Chosen, reason: str, options: dict[str, Any], *, detach: bool) -> None:
        redrive = redrives.start(
            chosen,
            actor=self.actor,
            reason=reason,
            pace=options["pace"],
            canary=not options["no_canary"],
            max_failure_rate=options["max_failure_rate"],
        )
        if detach:
            self.tell_redrive(redrive.pk)
        else:
            self.follow(redrive.pk)

    def follow(self, redrive_id: UUID) -> None:
        """Look on until it ends, and end with status 1 if it did not end well.

        Whoever looks on takes its steps along with the watchdog: they are safe to take twice at once.
        """
        bar = Bar(sys.stderr)
        try:
            while self._goes_on(redrive_id, bar):
                sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            bar.end()
            raise CommandError(
                f"it goes on by itself: `manage.py redrive follow {redrive_id}`, or `redrive abort` to end it"
            ) from None
        bar.end()
        self.tell_redrive(redrive_id)
        row = selectors.redrive(redrive_id, actor=self.actor)
        if row["state"] in _LEFT_ALONE:
            raise CommandError(
                f"redrive {redrive_id} is {row['state']} by {row['stopped_by']}: {row['stop_reason']}"
            )

    def tell_redrive(self, redrive_id: UUID) -> None:
        row = selectors.redrive(redrive_id, actor=self.actor)
        self.say(row, f"redrive {redrive_id} is {row['state']}: {_counts(row)}")

    def _goes_on(self, redrive_id: UUID, bar: Bar) -> bool:
        steps.advance_one(redrive_id, timezone.now())
        row = selectors.redrive(redrive_id, actor=self.actor)
        ended = row["succeeded"] + row["failed"] + row["skipped"]
        bar.show(ended, row["total"], _counts(row))
        return cast(str, row["state"]) == Redrive.State.RUNNING


def _counts(row: dict[str, Any]) -> str:
    names = ("succeeded", "failed", "handed_over", "waiting", "skipped")
    counts = ", ".join(f"{row[name]} {name.replace('_', ' ')}" for name in names)
    return counts + "".join(f", {count} {why}" for why, count in row["left_out"].items())


def _sentences(preview: Preview) -> list[str]:
    left_out = "".join(f"; left out: {count} {why}" for why, count in preview.left_out.items())
    plan = ", then ".join(str(end) for end in preview.plan)
    return [
        f"would be retried: {preview.eligible}{left_out}",
        f"tried first: {plan}; at this pace it takes {preview.at_least_seconds:g} s or more",
        f"price: {_price(preview)}",
        *(f"{group.letters:6}  {group.failure_reason:.90}" for group in preview.groups),
    ]


def _price(preview: Preview) -> str:
    forecast = preview.forecast
    if forecast.one_attempt_usd is None:
        return "unknown: no earlier attempt has a recorded cost"
    unknown = f", {forecast.letters_unknown} of unknown cost not counted" if forecast.letters_unknown else ""
    return f"{forecast.one_attempt_usd:f} to {forecast.all_attempts_usd:f} USD{unknown}"
