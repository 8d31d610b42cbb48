"""Admin actions on permissions: grant, deny, revoke, allow for a day."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from governance.access import permissions
from governance.access.actors import Actor
from governance.errors import PermissionNotFound
from governance.models import ToolPermission, Worker
from juggernaut.console.actions.fields import time_field
from juggernaut.console.actions.forms import AdminAction, DiffRow, ReasonForm, Said

TERMS = ("max_calls_per_day", "max_calls_per_minute", "requires_approval", "valid_from", "valid_until")
_ALLOW, _DENY = ToolPermission.Effect.ALLOW, ToolPermission.Effect.DENY


def _quota(span: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=f"Calls a {span} at most (empty: no limit)", required=False, min_value=0,
        max_value=1_000_000_000, widget=UnfoldAdminIntegerFieldWidget,
    )  # fmt: skip


class PermissionTermsForm(ReasonForm):
    max_calls_per_day = _quota("day")
    max_calls_per_minute = _quota("minute")
    requires_approval = forms.BooleanField(
        label="A person allows each call", required=False, widget=UnfoldBooleanWidget
    )
    valid_from = time_field("Begins", "Empty: at once.")
    valid_until = time_field("Ends", "Empty: never.")


class NewForm(PermissionTermsForm):
    worker_id = forms.ChoiceField(label="Worker", widget=UnfoldAdminSelectWidget)
    tool_name = forms.CharField(
        label="Tool", max_length=200, widget=UnfoldAdminTextInputWidget,
        help_text="A name as in http.request, or all whose names begin so, as in http.*",
    )  # fmt: skip
    effect = forms.ChoiceField(
        label="Says", choices=[(_ALLOW.value, "allow"), (_DENY.value, "deny: wins over everything")],
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip
    field_order = ("worker_id", "tool_name", "effect")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        workers = list(Worker.objects.order_by("pk").values_list("pk", flat=True))
        field = self.fields["worker_id"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(worker, worker) for worker in workers]


def result_message(row: ToolPermission) -> str:
    """What a row says, in words without its names: `allowed, 20 calls a day, until 2026-11-30 12:00 UTC`."""
    parts = [
        "allowed" if row.effect == _ALLOW else "denied",
        f"{row.max_calls_per_day:,} calls a day" if row.max_calls_per_day is not None else "",
        f"{row.max_calls_per_minute:,} calls a minute" if row.max_calls_per_minute is not None else "",
        "with an approval each time" if row.requires_approval else "",
        f"from {_minute(row.valid_from)}" if row.valid_from else "",
        f"until {_minute(row.valid_until)}" if row.valid_until else "",
    ]
    return ", ".join(part for part in parts if part)


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _name(row: ToolPermission) -> str:
    return f"{row.worker_id} {row.tool_name}"


def _lines(rows: Sequence[ToolPermission], after: str) -> list[DiffRow]:
    return [DiffRow(_name(row), result_message(row), after) for row in rows]


def _terms(said: Said) -> Said:
    """What the service takes: times with their zone, nothing that was left empty."""
    return {name: said[name] for name in TERMS if said.get(name) not in (None, "", False)}


def _make(rows: Sequence[ToolPermission], actor: Actor, said: Said) -> str:
    verb = permissions.grant if said["effect"] == _ALLOW else permissions.deny
    row = verb(said["worker_id"], said["tool_name"], actor=actor, reason=said["reason"], **_terms(said))
    return f"{_name(row)}: {result_message(row)}, from the next call on."


def _change(rows: Sequence[ToolPermission], actor: Actor, said: Said) -> str:
    [row] = rows
    return _make(
        rows, actor, said | {name: getattr(row, name) for name in ("worker_id", "tool_name", "effect")}
    )


def _change_lines(rows: Sequence[ToolPermission], said: Said) -> list[DiffRow]:
    [row] = rows
    names = {"worker_id": row.worker_id, "tool_name": row.tool_name, "effect": row.effect}
    terms = {name: said.get(name) for name in TERMS} | {
        "requires_approval": bool(said.get("requires_approval"))
    }
    return [DiffRow(_name(row), result_message(row), result_message(ToolPermission(**names, **terms)))]


def _revoke(rows: Sequence[ToolPermission], actor: Actor, said: Said) -> str:
    gone, done = [], []
    for row in rows:
        try:
            permissions.revoke(
                row.worker_id, row.tool_name, actor=actor, reason=said["reason"], effect=row.effect
            )
            done.append(_name(row))
        except PermissionNotFound:
            gone.append(_name(row))
    return _counted("Revoked", done) + (f" Gone already: {', '.join(gone)}." if gone else "")


def _deny(rows: Sequence[ToolPermission], actor: Actor, said: Said) -> str:
    names = sorted({(row.worker_id, row.tool_name) for row in rows})
    for worker, tool in names:
        permissions.deny(worker, tool, actor=actor, reason=said["reason"])
    return _counted("Denied", [f"{worker} {tool}" for worker, tool in names])


def _for_a_day(rows: Sequence[ToolPermission], actor: Actor, said: Said) -> str:
    names = sorted({(row.worker_id, row.tool_name) for row in rows})
    for worker, tool in names:
        permissions.grant_for_a_day(worker, tool, actor=actor, reason=said["reason"])
    return _counted("Allowed until this time tomorrow:", [f"{worker} {tool}" for worker, tool in names])


def _counted(done: str, names: list[str]) -> str:
    return f"{done} {', '.join(names)}." if len(names) <= 5 else f"{done} {len(names):,} permissions."


def _day_lines(rows: Sequence[ToolPermission], said: Said) -> list[DiffRow]:
    """Those that last longer, or for ever, stay as they are; what denies goes on to deny."""
    ends = timezone.now() + timedelta(days=1)
    return [
        DiffRow(
            _name(row), result_message(row), "allowed for 24 hours from now" if _is_shorter(row, ends) else ""
        )
        for row in rows
    ]


def _is_shorter(row: ToolPermission, ends: datetime) -> bool:
    if row.effect == _DENY:
        return True
    begins_later = row.valid_from is not None and row.valid_from > timezone.now()
    return begins_later or (row.valid_until is not None and row.valid_until < ends)


GRANT = AdminAction(
    "grant",
    "It binds at the next call, on exactly these terms, whatever stood there before. What denies still wins.",
    _make,
    lambda rows, said: [],
    form=NewForm,
    makes=True,
)
CHANGE = AdminAction(
    "change terms",
    "They bind at the next call. Calls that were made today and this minute go on to count.",
    _change,
    _change_lines,
    form=PermissionTermsForm,
    initial=lambda rows: {name: getattr(rows[0], name) for name in TERMS},
)
REVOKE = AdminAction(
    "revoke",
    "The row goes, from the next call on. What else covers the name, such as a prefix, goes on to count; "
    "deny says no to one name of many.",
    _revoke,
    lambda rows, said: _lines(rows, "no row"),
    is_destructive=True,
)
DENY = AdminAction(
    "deny",
    "Refused from the next call on, whatever else allows it. Revoke the denial to end it.",
    _deny,
    lambda rows, said: _lines(rows, "denied"),
    is_destructive=True,
)
FOR_A_DAY = AdminAction(
    "allow for a day",
    "Allowed for 24 hours from now, on the terms that stand there. A permission that lasts longer stays as "
    "it is, and what denies still wins.",
    _for_a_day,
    _day_lines,
)
