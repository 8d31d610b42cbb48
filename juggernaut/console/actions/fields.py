"""Fields of the console's forms that are read as strictly as the bodies of the API."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from unfold.widgets import UnfoldAdminTextInputWidget

from governance.db import strict_json
from governance.errors import InvalidJson
from governance.tasks import schemas


class JsonObjectField(forms.JSONField):
    """A JSON object as PostgreSQL can store it; anything else is an error at the field, in words."""

    def to_python(self, value: Any) -> Any:
        """The object; None for no text. Django's own field fails at text that is too deep, and lets through
        what cannot be stored."""
        if self.disabled or value in self.empty_values or isinstance(value, dict):
            return super().to_python(value)
        try:
            found = strict_json.loads(str(value).encode(errors="surrogatepass"))
        except InvalidJson as invalid:
            raise ValidationError(f"Enter a valid JSON object: {invalid.errors[0].message}") from None
        if not isinstance(found, dict):
            raise ValidationError("A JSON object is expected, in braces.")
        if flaw := strict_json.find_error(found):
            raise ValidationError(f"This JSON cannot be stored: {flaw}")
        return found

    def bound_data(self, data: Any, initial: Any) -> Any:
        """The text as it was typed, for the form to show again."""
        return super().bound_data(data, initial) if self.disabled or data is None else InvalidJSONInput(data)


class TimeField(forms.DateTimeField):
    """A time of this age, as the API takes them: others overflow on the way to UTC and back."""

    def to_python(self, value: Any) -> datetime | None:
        found = super().to_python(value)
        try:
            return None if found is None else schemas.in_this_age(found)
        except ValueError as far_away:
            raise ValidationError(f"{str(far_away)[:1].upper()}{str(far_away)[1:]}.") from None


def time_field(label: str, help_text: str = "", *, required: bool = False) -> TimeField:
    """A time in UTC."""
    widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    return TimeField(label=f"{label} (UTC)", required=required, widget=widget, help_text=help_text)
