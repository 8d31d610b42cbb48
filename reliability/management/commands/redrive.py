"""`manage.py redrive`: retry all dead letters that match, watch it, steer it."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from governance.management.command import parse_id
from governance.pagination import Row
from reliability import redrives
from reliability.dead_letters import selectors
from reliability.management.redrive_command import RedriveCommand

_STEER = {
    "show": "say how it stands",
    "follow": "look on until it ends",
    "pause": "hand nothing more over until it is resumed",
    "resume": "go on after a pause",
    "abort": "end it; what was handed over goes on",
}


class Command(RedriveCommand):
    help = "Retry all dead letters that match a filter, at a pace, a few first; and watch and steer that."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name, meaning in (("preview", "say what start would do"), ("start", "start one")):
            self._add_start(verbs.add_parser(name, help=meaning), needs_reason=name == "start")
        listed = verbs.add_parser("list", help="the newest redrives")
        listed.add_argument("--state", action="append", help="running, paused, completed, stopped, aborted")
        listed.add_argument("--limit", type=int, default=20, help="how many at most (default: %(default)s)")
        self.add_json_argument(listed)
        for name, meaning in _STEER.items():
            one = verbs.add_parser(name, help=meaning)
            one.add_argument("id", metavar="ID", help="id of the redrive")
            if name in {"pause", "abort"}:
                one.add_argument("--reason", required=name == "abort", default="", help="why; kept with it")
            self.add_json_argument(one)

    def _add_start(self, parser: ArgumentParser, *, needs_reason: bool) -> None:
        self.add_choice_arguments(parser)
        self.add_terms(parser)
        parser.add_argument("--reason", required=needs_reason, default="", help="why; kept with the redrive")
        parser.add_argument("--follow", action="store_true", help="look on until it ends")

    def handle(self, *, verb: str, **options: Any) -> None:
        if verb in {"preview", "start"}:
            self._start(verb, **options)
        elif verb == "list":
            self._list(**options)
        else:
            self._steer(verb, parse_id(options["id"], "a redrive"), options.get("reason", ""))

    def _start(
        self, verb: str, *, ids: list[str], reason: str, dry_run: bool, follow: bool, **options: Any
    ) -> None:
        chosen = self.choice(ids, options)
        if dry_run or verb == "preview":
            self.preview(chosen, options)
        else:
            self.start(chosen, reason, options, detach=not follow)

    def _list(self, *, state: list[str] | None, limit: int, **options: Any) -> None:
        asked = {"limit": [str(limit)]} | ({"state": state} if state else {})
        rows = selectors.redrives(asked, actor=self.actor).rows
        self.say(rows, *map(_line, rows), *([] if rows else ["none"]))

    def _steer(self, verb: str, redrive_id: UUID, reason: str) -> None:
        if verb == "follow":
            self.follow(redrive_id)
            return
        if verb == "pause":
            redrives.pause(redrive_id, actor=self.actor, reason=reason)
        elif verb == "resume":
            redrives.resume(redrive_id, actor=self.actor)
        elif verb == "abort":
            redrives.abort(redrive_id, actor=self.actor, reason=reason)
        self.tell_redrive(redrive_id)


def _line(row: Row) -> str:
    return (
        f"{row['id']}  {row['state']:9}  {row['created_at']:%Y-%m-%d %H:%M}  "
        f"{row['succeeded']} of {row['total']} succeeded, {row['failed']} failed, {row['skipped']} skipped  "
        f"{row['filter_text']}  ({row['started_by']}: {row['reason']})"
    )
