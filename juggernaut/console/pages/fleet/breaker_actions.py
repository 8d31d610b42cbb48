"""Admin actions on breakers: reset, force open, disable, shadow, restore, set."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget

from governance.access.actors import Actor
from juggernaut.console.actions.fields import time_field
from juggernaut.console.actions.forms import AdminAction, DiffRow, ReasonForm, Said
from reliability.breakers import services, settings
from reliability.breakers.models import CircuitBreaker, Mode

_COUNTS = {
    "failure_threshold": "Failures in a row that open it",
    "min_calls": "Calls before the rate counts",
    "half_open_probes": "Probes at a time",
}
_NUMBERS = {
    "failure_rate": "Rate of failures that opens it (0.5 is half)",
    "window_seconds": "Seconds over which the rate is taken",
    "reset_timeout": "Seconds until the first probe",
    "max_wait_seconds": "Seconds between probes at most",
    "probe_lease_seconds": "Seconds that a probe may take",
}
_SETTINGS = _COUNTS | _NUMBERS


class SettingsForm(ReasonForm):
    """What can be set, in the words of operators; the bounds are the service's."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        reason = self.fields.pop("reason")
        for name, title in _COUNTS.items():
            self.fields[name] = forms.IntegerField(label=title, widget=UnfoldAdminIntegerFieldWidget)
        for name, title in _NUMBERS.items():
            widget = UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
            self.fields[name] = forms.FloatField(label=title, widget=widget)
        self.fields["reason"] = reason


class UntilForm(ReasonForm):
    until = time_field("Until", "Empty: until somebody restores it.")


class MustEndForm(ReasonForm):
    until = time_field("Until", "Calls without a breaker are an exception that has an end.", required=True)


def _versions(rows: Sequence[CircuitBreaker]) -> list[tuple[str, int]]:
    """Raised whenever somebody acts; what a breaker does by itself is no reason to ask again."""
    return [(row.name, row.version) for row in rows]


def result_message(row: CircuitBreaker) -> str:
    """State and mode in words: `open, disabled until 2026-11-30 12:00 UTC`."""
    state = row.state.replace("_", " ")
    if row.mode == Mode.NORMAL:
        return state
    until = f" until {_minute(row.mode_until)}" if row.mode_until else ""
    return f"{state}, {row.mode.replace('_', ' ')}{until}"


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _lines(after: Callable[[CircuitBreaker], str]) -> Callable[[Sequence[Any], Said], list[DiffRow]]:
    return lambda rows, said: [DiffRow(row.name, result_message(row), after(row)) for row in rows]


def _mode_lines(mode: str) -> Callable[[Sequence[Any], Said], list[DiffRow]]:
    def lines(rows: Sequence[Any], said: Said) -> list[DiffRow]:
        until = said.get("until")
        after = mode + (f" until {_minute(until)}" if until else "")
        return [DiffRow(row.name, result_message(row), after) for row in rows]

    return lines


def _each(
    done: str, act: Callable[[str, Actor, Said], object]
) -> Callable[[Sequence[Any], Actor, Said], str]:
    """One verb of the service for each breaker, all in the transaction of the page."""

    def call(rows: Sequence[Any], actor: Actor, said: Said) -> str:
        for row in rows:
            act(row.name, actor, said)
        return f"{done} {', '.join(row.name for row in rows)}."

    return call


def _set(name: str, actor: Actor, said: Said) -> object:
    changes = {setting: said[setting] for setting in _SETTINGS}
    return services.update_settings(name, actor=actor, reason=said["reason"], **changes)


def _setting_lines(rows: Sequence[Any], said: Said) -> list[DiffRow]:
    [row] = rows
    return [
        DiffRow(title, f"{getattr(row, name):g}", f"{said.get(name) or getattr(row, name):g}")
        for name, title in _SETTINGS.items()
    ]


def _disable(name: str, actor: Actor, said: Said) -> object:
    return services.disable_until(name, said["until"], actor=actor, reason=said["reason"])


RESET = AdminAction(
    "reset",
    "It closes in every process and forgets what it counted: calls go out at once, and the tasks that wait "
    "for it come back.",
    _each("Reset:", lambda name, actor, said: services.reset(name, actor=actor, reason=said["reason"])),
    _lines(lambda row: "closed"),
    stands=_versions,
)
FORCE_OPEN = AdminAction(
    "force open",
    "Every call is refused, whatever the service answers; tasks wait.",
    _each(
        "Forced open:",
        lambda name, actor, said: services.force_open(
            name, actor=actor, reason=said["reason"], until=said["until"]
        ),
    ),
    _mode_lines("forced open"),
    form=UntilForm,
    is_destructive=True,
    stands=_versions,
)
DISABLE = AdminAction(
    "disable",
    "Every call is admitted until then, whatever the service answers.",
    _each("Disabled:", _disable),
    _mode_lines("disabled"),
    form=MustEndForm,
    is_destructive=True,
    stands=_versions,
)
SHADOW = AdminAction(
    "shadow",
    "It decides and records, and refuses nothing: to try settings out.",
    _each(
        "Only watching:",
        lambda name, actor, said: services.shadow(
            name, actor=actor, reason=said["reason"], until=said["until"]
        ),
    ),
    _mode_lines("shadow"),
    form=UntilForm,
    stands=_versions,
)
RESTORE = AdminAction(
    "restore",
    "The breaker decides again.",
    _each("Restored:", lambda name, actor, said: services.restore(name, actor=actor, reason=said["reason"])),
    _lines(lambda row: f"{row.state.replace('_', ' ')}, in normal mode"),
    stands=_versions,
)
SET = AdminAction(
    "change settings",
    "They bind at everybody's next call; what was counted is kept.",
    _each("Set:", _set),
    _setting_lines,
    form=SettingsForm,
    initial=lambda rows: {name: getattr(rows[0], name) for name in settings.NAMES},
    stands=_versions,
)
