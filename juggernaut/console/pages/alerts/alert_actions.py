"""Admin actions on alerts: acknowledge, mute, unmute, set a rule."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanWidget,
)

from governance.access.actors import Actor
from governance.tasks.services import Outcome
from juggernaut.console.actions.fields import time_field
from juggernaut.console.actions.forms import AdminAction, DiffRow, ReasonForm, Said
from monitoring.alerts import services
from monitoring.models.alert import Severity

MUTED_FOR = timedelta(hours=1)


class MuteForm(ReasonForm):
    until = time_field("Until", "Nobody is told before then. At most 30 days.", required=True)


class RuleForm(ReasonForm):
    threshold = forms.FloatField(
        label="Threshold, in the rule's unit", widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
    )
    severity = forms.ChoiceField(label="Severity", choices=Severity.choices, widget=UnfoldAdminSelectWidget)
    repeat_seconds = forms.IntegerField(
        label="Told again every so many seconds", widget=UnfoldAdminIntegerFieldWidget
    )
    is_enabled = forms.BooleanField(label="Switched on", required=False, widget=UnfoldBooleanWidget)


def result_message(row: Any) -> str:
    """State in words: `open, muted until 2026-11-30 12:00 UTC`."""
    is_muted = row.muted_until and row.muted_until > timezone.now()
    return f"{row.state}, muted until {row.muted_until:%Y-%m-%d %H:%M} UTC" if is_muted else row.state


def _stand(rows: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What people do to them; that they were seen again is no reason to ask again."""
    return [(row.pk, row.state, row.muted_until) for row in rows]


def _done(word: str, outcome: Outcome) -> str:
    skipped = f" Left as they were: {len(outcome.skipped)}." if outcome.skipped else ""
    return f"{word} {len(outcome.moved)} of {len(outcome.moved) + len(outcome.skipped)} alerts.{skipped}"


def _call(
    word: str, act: Callable[[list[Any], Actor, Said], Outcome]
) -> Callable[[Sequence[Any], Actor, Said], str]:
    return lambda rows, actor, said: _done(word, act([row.pk for row in rows], actor, said))


def _mute_lines(rows: Sequence[Any], said: Said) -> list[DiffRow]:
    until = said.get("until")
    after = f", muted until {until:%Y-%m-%d %H:%M} UTC" if until else ""
    return [DiffRow(str(row), result_message(row), f"{row.state}{after}") for row in rows]


def _rule_lines(rows: Sequence[Any], said: Said) -> list[DiffRow]:
    [row] = rows
    return [
        DiffRow(title, _written(getattr(row, name)), _written(said.get(name)))
        for name, title in _NAMED.items()
    ]


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


_NAMED = {
    "threshold": "Threshold", "severity": "Severity", "repeat_seconds": "Told again every so many seconds",
    "is_enabled": "Switched on",
}  # fmt: skip


def _set_rule(rows: Sequence[Any], actor: Actor, said: Said) -> str:
    [row] = rows
    services.set_rule(
        row.pk, {name: said[name] for name in services.SETTINGS}, actor=actor, reason=said["reason"]
    )
    return f"Set {row.pk}. It binds at the next sweep."


ACKNOWLEDGE = AdminAction(
    "acknowledge",
    "Somebody sees to it: nobody is told of it again. It ends by itself when its cause does.",
    _call(
        "Acknowledged",
        lambda ids, actor, said: services.acknowledge(ids, actor=actor, reason=said["reason"]),
    ),
    lambda rows, said: [
        DiffRow(str(row), result_message(row), "acknowledged" if row.state == "open" else "") for row in rows
    ],
    stands=_stand,
)
MUTE = AdminAction(
    "mute",
    "Until then nobody is told of it, whatever becomes of it. It is still shown here.",
    _call(
        "Muted",
        lambda ids, actor, said: services.mute(ids, said["until"], actor=actor, reason=said["reason"]),
    ),
    _mute_lines,
    form=MuteForm,
    initial=lambda rows: {"until": timezone.now().replace(second=0, microsecond=0) + MUTED_FOR},
    stands=_stand,
)
UNMUTE = AdminAction(
    "unmute",
    "People are told of it again: at once if it is open.",
    _call("Unmuted", lambda ids, actor, said: services.unmute(ids, actor=actor, reason=said["reason"])),
    lambda rows, said: [DiffRow(str(row), result_message(row), row.state) for row in rows],
    stands=_stand,
)
SET_RULE = AdminAction(
    "set rule",
    "It binds at the watchdog's next sweep, within five seconds.",
    _set_rule,
    _rule_lines,
    form=RuleForm,
    initial=lambda rows: {name: getattr(rows[0], name) for name in services.SETTINGS} if rows else {},
)
