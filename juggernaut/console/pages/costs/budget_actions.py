"""Admin actions on budgets: set, raise and halve limits."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from governance import budgets
from governance.access.actors import Actor
from governance.budgets import limit_changes
from governance.budgets.limits import LIMITS, scopes_known
from governance.errors import InvalidInput
from governance.models import WorkerBudget
from juggernaut.console import formatting
from juggernaut.console.actions.forms import AdminAction, DiffRow, ReasonForm, Said

NAMES = {"daily_limit": "a day", "weekly_limit": "a week", "monthly_limit": "a month"}


def _limit(title: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=title, required=False, widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
    )


class LimitsForm(ReasonForm):
    """Empty means: no limit."""

    daily_limit = _limit("USD a day (empty: no limit)")
    weekly_limit = _limit("USD a week (empty: no limit)")
    monthly_limit = _limit("USD a month (empty: no limit)")
    timezone = forms.CharField(
        label="Time zone", max_length=64, widget=UnfoldAdminTextInputWidget,
        help_text="Days begin at midnight there, weeks on Mondays. A name such as Europe/Berlin.",
    )  # fmt: skip


class NewLimitsForm(LimitsForm):
    """Limits for somebody who has none of their own."""

    scope = forms.ChoiceField(label="Worker", widget=UnfoldAdminSelectWidget)
    field_order = ("scope",)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        taken = set(WorkerBudget.objects.values_list("pk", flat=True))
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(scope, scope) for scope in scopes_known() if scope not in taken]


class FactorForm(ReasonForm):
    factor = forms.DecimalField(
        label="Multiply every limit by", min_value=Decimal("1.000001"), max_value=Decimal(1000),
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
    )  # fmt: skip


def format_limits(limit: Decimal | None) -> str:
    return "no limit" if limit is None else formatting.money(limit)


def _set_lines(rows: Sequence[WorkerBudget], said: Said) -> list[DiffRow]:
    [row] = rows
    limits = [
        DiffRow(f"{row.pk}, {title}", format_limits(getattr(row, name)), format_limits(said.get(name)))
        for name, title in NAMES.items()
    ]
    return [*limits, DiffRow(f"{row.pk}, time zone", row.timezone, said.get("timezone") or row.timezone)]


def _set(rows: Sequence[WorkerBudget], actor: Actor, said: Said) -> str:
    return set_limits(rows[0].pk, actor, said)


def set_limits(scope: str, actor: Actor, said: Said) -> str:
    """Set what the form says, through the service."""
    limits = {name: said[name] for name in LIMITS}
    budgets.set_limits(scope, limits=limits, timezone=said["timezone"], actor=actor, reason=said["reason"])
    return f"The limits of {scope} are set. They bind at the next call."


def _initial(rows: Sequence[WorkerBudget]) -> Said:
    return {name: _plain(getattr(rows[0], name)) for name in LIMITS} | {"timezone": rows[0].timezone}


def _plain(limit: Decimal | None) -> Decimal | None:
    """Without zeros that say nothing, for people to edit."""
    return None if limit is None else Decimal(f"{limit.normalize():f}")


def _scaled_lines(rows: Sequence[WorkerBudget], factor: Decimal) -> list[DiffRow]:
    scopes = [row.pk for row in rows]
    try:
        changes = limit_changes.forecast(scopes, factor=factor)
    except InvalidInput:  # said at the field
        changes = limit_changes.forecast(scopes, factor=Decimal(1))
    return [
        DiffRow(f"{change.scope}, {NAMES[name]}", format_limits(limit), format_limits(change.after[name]))
        for change in changes
        for name, limit in change.before.items()
    ]


def _told(verb: str, changes: Sequence[limit_changes.Change]) -> str:
    changed = [change.scope for change in changes if change.before]
    left = [change.scope for change in changes if not change.before]
    said = f"{verb} the limits of {', '.join(changed)}." if changed else f"{verb} nothing."
    return said + (f" Skipped, without any limit: {', '.join(left)}." if left else "")


def _raise(rows: Sequence[WorkerBudget], actor: Actor, said: Said) -> str:
    scopes = [row.pk for row in rows]
    done = budgets.raise_limits(scopes, factor=said["factor"], actor=actor, reason=said["reason"])
    return _told("Raised", done)


def _halve(rows: Sequence[WorkerBudget], actor: Actor, said: Said) -> str:
    done = budgets.halve_limits([row.pk for row in rows], actor=actor, reason=said["reason"])
    return _told("Halved", done)


SET = AdminAction(
    "set limits",
    "They bind at the next call of every process. What is spent and held already counts against them.",
    _set,
    _set_lines,
    form=LimitsForm,
    initial=_initial,
)
RAISE = AdminAction(
    "raise limits",
    "Every limit is multiplied; where there is none, there is none afterwards. Binds at the next call.",
    _raise,
    lambda rows, said: _scaled_lines(rows, said.get("factor") or limit_changes.DOUBLE),
    form=FactorForm,
    initial=lambda rows: {"factor": limit_changes.DOUBLE},
)
HALVE = AdminAction(
    "halve limits",
    "Every limit is multiplied by 0.5, from the next call on. Calls under way keep what is held for them; "
    "tasks that no longer fit wait until the window turns or the limit is raised.",
    _halve,
    lambda rows, said: _scaled_lines(rows, limit_changes.HALF),
    is_destructive=True,
)
MAKE = AdminAction(
    "set limits",
    "Who has no limits of their own is bound by the fleet's alone. These bind at the next call.",
    lambda rows, actor, said: set_limits(said["scope"], actor, said),
    lambda rows, said: [],
    form=NewLimitsForm,
    initial=lambda rows: {"timezone": "UTC"},
    makes=True,
)
