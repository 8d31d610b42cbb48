"""The form of a recurring task: it asks, and leaves to the service what is right."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from governance.errors import InvalidInput
from governance.models import RecurringTask
from governance.schedules import schemas
from juggernaut.console.actions.fields import JsonObjectField

_EXAMPLE = '{"task_type": "evaluation", "payload": {"eval_type": "metric", "metric_value": 1}}'

_ASKED = ("name", "cron", "every_seconds", "timezone", "task", "overlap", "missed", "max_catch_up")

_CHOICES = {
    "overlap": [("forbid", "leave the time out"), ("allow", "run beside it")],
    "missed": [("once", "run once for all"), ("skip", "leave out"), ("all", "run all, up to a bound")],
}
_AT_FIRST = {
    "timezone": "UTC",
    "task": {"task_type": "", "payload": {}},
    "overlap": "forbid",
    "missed": "once",
    "max_catch_up": 10,
}


class RecurringForm(forms.ModelForm):
    """Either cron or an interval. Wrong words are told beside the field that they stand in."""

    task = JsonObjectField(
        help_text=f"As POST /api/tasks takes it, e.g. {_EXAMPLE}",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8, "class": "jg-code"}),
    )
    reason = forms.CharField(
        required=False,
        max_length=500,
        help_text="Why; kept in the audit log. May be left empty.",
        widget=UnfoldAdminTextInputWidget(),
    )

    class Meta:
        model = RecurringTask
        fields = _ASKED
        labels = {
            "every_seconds": "Or every … seconds",
            "max_catch_up": "At most, of all missed",
            "overlap": "While the last one still runs",
            "missed": "Times that were missed",
        }
        help_texts = {
            "cron": "Minute, hour, day, month, weekday: 0 3 * * mon-fri",
            "every_seconds": "10 or more. Leave empty with cron.",
            "timezone": "Time zone of the cron expression, e.g. Europe/Berlin",
        }
        widgets = {
            "name": UnfoldAdminTextInputWidget(),
            "cron": UnfoldAdminTextInputWidget(),
            "timezone": UnfoldAdminTextInputWidget(),
            "every_seconds": UnfoldAdminIntegerFieldWidget(),
            "max_catch_up": UnfoldAdminIntegerFieldWidget(),
            "overlap": UnfoldAdminSelectWidget(),
            "missed": UnfoldAdminSelectWidget(),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _CHOICES.keys() & self.fields.keys():  # who may only look is given no fields
            self.fields[name].choices = _CHOICES[name]  # type: ignore[attr-defined]
        if self.instance._state.adding:  # noqa: SLF001 Django's own way to tell
            self.initial.update(_AT_FIRST)

    def said(self) -> dict[str, Any]:
        """What was filled in, as the service takes it."""
        given: dict[str, Any] = self.cleaned_data
        said = {name: given[name] for name in _ASKED if name in given}
        return said | {"cron": given.get("cron") or "", "every_seconds": given.get("every_seconds")}

    def clean(self) -> dict[str, Any]:
        """By the service's own rules; the name's uniqueness is the model's."""
        given: dict[str, Any] = super().clean() or {}
        if self.errors:
            return given
        try:
            schemas.parse(self.said())
        except InvalidInput as invalid:
            for error in invalid.errors:
                field = error.field.partition(".")[0]
                place = error.field.partition(".")[2]
                said = f"{place}: {error.message}" if place else error.message
                self.add_error(field if field in self.fields else None, said)
        return given

    def validate_constraints(self) -> None:
        """The database speaks of columns that nobody filled in here; the service is stricter."""
