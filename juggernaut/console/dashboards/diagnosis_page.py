"""What the page of the diagnosis shows: all sections, and of each remedy the interfaces open to who looks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone

from monitoring import diagnosis
from monitoring.diagnosis.remedies import Remedy

PERMISSION = "governance.view_worker"


@dataclass(frozen=True)
class Offer:
    """A remedy, and whether its button is for who looks at it."""

    remedy: Remedy
    may_press: bool


def context(request: HttpRequest) -> dict[str, Any]:
    """Everything that the template names. Takes as long as the diagnosis does: 5 s at most."""
    asked, began = request.GET.get("section", diagnosis.ALL), time.monotonic()
    try:
        found = diagnosis.run([asked])
    except diagnosis.UnknownSection as unknown:
        raise Http404(str(unknown)) from None
    return {
        "as_of": timezone.now(),
        "took_seconds": time.monotonic() - began,
        "worst": diagnosis.worst(found).name.lower(),
        "chosen": asked,
        "choices": [(name, title(name)) for name in (diagnosis.ALL, *diagnosis.known())],
        "sections": [_section(request, one) for one in found],
    }


def title(section: str) -> str:
    """What the page calls a section: as the rest of the console does."""
    return {"dlq": "Dead letters"}.get(section, section.replace("-", " ").capitalize())


def _section(request: HttpRequest, one: diagnosis.Diagnosis) -> dict[str, Any]:
    # What hurts most comes first; among equals, the order of the steps stays.
    findings = sorted(one.findings, key=lambda finding: -finding.severity)
    return {
        "name": one.section,
        "title": title(one.section),
        "severity": one.severity.name.lower(),
        "findings": [
            (finding, finding.severity.name.lower(), _offers(request, finding.remedies))
            for finding in findings
        ],
    }


def _offers(request: HttpRequest, remedies: Sequence[Remedy]) -> list[Offer]:
    return [
        Offer(remedy, remedy.button is not None and request.user.has_perm(remedy.button.permission))
        for remedy in remedies
    ]
