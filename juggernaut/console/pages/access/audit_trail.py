"""The audit log as pages show it: who changed what, from what to what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpRequest

from governance.models import AuditEntry
from juggernaut.console import formatting

SHOWN = 50
# What every new row has and nobody asks for.
_UNSAID = {"id", "created_at", "updated_at", "date_joined"}


@dataclass(frozen=True)
class Difference:
    """One field of a row that a change touched."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class AuditEntryDiff:
    """An entry, and what it changed."""

    entry: AuditEntry
    differences: list[Difference]


def of(target: str) -> list[AuditEntryDiff]:
    """What was done to one thing, newest first, at most `SHOWN`. Targets are as the log has them."""
    entries = AuditEntry.objects.filter(target=target).order_by("-pk")[:SHOWN]
    return [AuditEntryDiff(entry, differences(entry)) for entry in entries]


def shown_to(request: HttpRequest, target: str) -> dict[str, Any]:
    """What `governance/audit_trail.html` shows on the page of a thing; nothing if the log may not be read."""
    may = request.user.has_perm("governance.view_auditentry")
    return {"trail": of(target) if may else None, "trail_shown": SHOWN}


def differences(entry: AuditEntry) -> list[Difference]:
    """The fields that are not as they were; of a new or a removed row all that say something."""
    before: Mapping[str, Any] = entry.before or {}
    after: Mapping[str, Any] = entry.after or {}
    names = sorted({*before, *after} - _UNSAID)
    found = (Difference(name, _written(before.get(name)), _written(after.get(name))) for name in names)
    return [difference for difference in found if difference.before != difference.after]


def _written(value: object) -> str:
    if value is None or value == "":
        return formatting.NOTHING
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()
