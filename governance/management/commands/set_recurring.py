"""`manage.py set_recurring NAME`: make a recurring task, or change the one of that name."""

from argparse import ArgumentParser
from typing import Any

from governance.db import strict_json
from governance.errors import FieldError, InvalidInput
from governance.management.recurring_command import RecurringCommand
from governance.models import RecurringTask
from governance.schedules import services

_SAID = ("cron", "every_seconds", "timezone", "overlap", "missed", "max_catch_up", "anchor_at")


class Command(RecurringCommand):
    help = (
        "Submit a task again and again: --cron by the clocks of --timezone, or every so many seconds. Of one"
        " that exists, what is not named stays. Prints its next time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what it is called, e.g. nightly-report")
        parser.add_argument("--task", help='the task as `POST /api/tasks` takes it: {"task_type": …}')
        parser.add_argument("--cron", help="minute, hour, day, month, weekday, e.g. '0 3 * * mon-fri'")
        parser.add_argument("--every", dest="every_seconds", type=int, metavar="SECONDS", help="10 or more")
        parser.add_argument("--timezone", help="whose clocks cron goes by, e.g. Europe/Berlin (default: UTC)")
        parser.add_argument("--anchor", dest="anchor_at", help="from when intervals count (default: now)")
        parser.add_argument("--overlap", choices=["forbid", "allow"], help="may it run beside itself?")
        parser.add_argument(
            "--missed", choices=["skip", "once", "all"], help="what of times that were missed?"
        )
        parser.add_argument("--max-catch-up", type=int, help="with --missed all: how many at most")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        self.add_json_argument(parser)

    def handle(self, *, name: str, reason: str, **options: Any) -> None:
        said = {word: options[word] for word in _SAID if options[word] is not None}
        if options["task"] is not None:
            said["task"] = _task(options["task"])
        known = RecurringTask.objects.filter(name=name).first()
        if known is None:
            row = services.create({"name": name, **said}, actor=self.actor, reason=reason)
        else:
            row = services.change(known.pk, said, actor=self.actor, reason=reason)
        self.tell(row.pk)


def _task(text: str) -> dict[str, Any]:
    found = strict_json.loads(text.encode(errors="surrogateescape"))
    if not isinstance(found, dict):
        raise InvalidInput([FieldError("task", "a JSON object is expected")])
    return found
