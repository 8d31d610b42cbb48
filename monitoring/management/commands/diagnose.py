"""`manage.py diagnose`: every diagnostic step of the runbook, with what to do about what it finds."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitoring import diagnosis
from monitoring.diagnosis import Diagnosis, Finding, Severity, UnknownSection

_MARKS = {
    Severity.OK: "ok",
    Severity.NOTICE: "note",
    Severity.WARNING: "WARNING",
    Severity.CRITICAL: "CRITICAL",
}


class Command(BaseCommand):
    help = (
        "Look at the system and say what is wrong, on what evidence, and what mends it. Works while "
        "PostgreSQL or Redis is away. Exit status 1 when something critical was found."
    )
    # It must run on a system that is broken.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        names = ", ".join((*diagnosis.known(), diagnosis.ALL))
        parser.add_argument(
            "sections", nargs="*", metavar="SECTION", help=f"any of: {names}; all if none is named"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = diagnosis.run(options["sections"])
        except UnknownSection as unknown:
            raise CommandError(str(unknown)) from None
        if options["json"]:
            self.stdout.write(json.dumps(diagnosis.as_json(found), indent=2))
        else:
            self.stdout.write("\n".join(self._told(one) for one in found))
        if diagnosis.worst(found) == Severity.CRITICAL:
            sys.exit(1)

    def _told(self, one: Diagnosis) -> str:
        return "\n".join([self.style.MIGRATE_HEADING(one.section), *map(self._line, one.findings), ""])

    def _line(self, finding: Finding) -> str:
        styles = {Severity.OK: self.style.SUCCESS, Severity.WARNING: self.style.WARNING}
        style = styles.get(finding.severity, self.style.NOTICE)
        style = self.style.ERROR if finding.severity == Severity.CRITICAL else style
        lines = [f"  {style(f'{_MARKS[finding.severity]:<9}')}{finding.said}"]
        lines += [f"             {line}" for line in finding.evidence]
        lines += [f"      why: {finding.explanation}"] if finding.explanation else []
        for remedy in finding.remedies:
            lines += [f"      do:  {remedy.says}", f"             $ {remedy.command}"]
            lines += [f"             {remedy.api}"] if remedy.api else []
            lines += [f"             console: {remedy.button.address}"] if remedy.button else []
        return "\n".join(lines)
