"""`manage.py diagnose`: every diagnostic step of the runbook, with what to do about what it finds."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitoring import diagnosis
from monitoring.diagnosis import Diagnosis, Finding, Severity
from monitoring.diagnosis.sections import UnknownSection

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
        names = ", ".join(diagnosis.known())
        parser.add_argument(
            "sections", nargs="*", metavar="SECTION", help=f"any of: {names}; all if none is named"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = diagnosis.run(options["sections"])
        except UnknownSection as unknown:
            raise CommandError(str(unknown)) from None
        self.stdout.write(_as_json(found) if options["json"] else "\n".join(self._told(one) for one in found))
        if any(one.severity == Severity.CRITICAL for one in found):
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
        lines += [f"      do:  {finding.remedy}"] if finding.remedy else []
        return "\n".join(lines)


def _as_json(found: list[Diagnosis]) -> str:
    sections = {
        one.section: {
            "severity": one.severity.name.lower(),
            "findings": [finding.as_json() for finding in one.findings],
        }
        for one in found
    }
    worst = max((one.severity for one in found), default=Severity.OK)
    return json.dumps({"severity": worst.name.lower(), "sections": sections}, indent=2)
