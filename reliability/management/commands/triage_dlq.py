"""`manage.py triage_dlq`: say what you think of a group of dead letters."""

from argparse import ArgumentParser

from governance.management.command import GovernanceCommand, parse_id
from governance.models import FailureSignature
from reliability.dead_letters import triage


class Command(GovernanceCommand):
    help = "Mark a group of dead letters as open, known, or ignored until something happens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID", help="id of the group (list_dlq --groups)")
        parser.add_argument("triage", choices=FailureSignature.Triage.values)
        parser.add_argument("--note", default="", help="what is known about it")
        parser.add_argument("--until", help="ignored until this time (ISO 8601 with a zone)")
        parser.add_argument("--failures", type=int, help="ignored until it has failed so often again")
        parser.add_argument("--per-hour", type=int, help="ignored until it fails so often in one clock hour")
        self.add_json_argument(parser)

    def handle(
        self,
        *,
        id: str,  # noqa: A002 (the argument's name at the prompt)
        note: str,
        until: str | None,
        failures: int | None,
        per_hour: int | None,
        **options: str,
    ) -> None:
        group = triage.judge(
            parse_id(id, "a group"),
            FailureSignature.Triage(options["triage"]),
            actor=self.actor,
            note=note,
            until=until,
            failures=failures,
            per_hour=per_hour,
        )
        document = {"id": group.pk, "triage": group.triage, "note": group.note}
        self.say(document, f"group {group.pk} is {group.triage}")
