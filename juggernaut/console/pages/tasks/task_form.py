"""Submitting a task in the console: the form asks, the service decides, and sending it twice submits once."""

from typing import Any
from uuid import UUID, uuid4

import orjson
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from governance.access import actors
from governance.errors import Forbidden, IdempotencyMismatch, InvalidInput
from governance.models import Task, Worker
from governance.models.task import MAX_PRIORITY
from governance.tasks import registry as task_types
from governance.tasks import schemas
from governance.tasks import services as tasks
from juggernaut.console.actions.fields import JsonObjectField

_EXAMPLE = {"eval_type": "metric", "metric_value": 100, "minimum": 95}
_FIRST = "evaluation"


class SubmitForm(forms.Form):
    """What most tasks need. The rest (dependencies, deadlines, parents) is for the API."""

    task_type = forms.ChoiceField(label="Type", widget=UnfoldAdminSelectWidget)
    title = forms.CharField(
        max_length=200, required=False, widget=UnfoldAdminTextInputWidget,
        help_text="What people see of it. The type, if left empty.",
    )  # fmt: skip
    payload = JsonObjectField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10, "class": "jg-code", "spellcheck": "false"}),
        help_text="A JSON object with the fields that the type asks for.",
    )
    assigned_worker = forms.ChoiceField(label="Worker", required=False, widget=UnfoldAdminSelectWidget)
    priority = forms.IntegerField(
        min_value=0, max_value=MAX_PRIORITY, initial=0, widget=UnfoldAdminIntegerFieldWidget,
        help_text="0 to 100: each point is worth a minute of waiting.",
    )  # fmt: skip
    max_cost_usd = forms.DecimalField(
        label="Most it may cost, USD", required=False, min_value=0, max_digits=18, decimal_places=9,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"}),
        help_text="With all that descends from it. Empty: as much as its worker's budget allows.",
    )  # fmt: skip
    idempotency_key = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kinds = task_types.known()
        usual = [("", "the usual one of the type")]
        registered = Worker.objects.exclude(pk="WATCHDOG").order_by("pk").values_list("pk", flat=True)
        self._choose("task_type", [(kind.name, f"{kind.name} (by {kind.worker})") for kind in kinds])
        self._choose("assigned_worker", usual + [(worker, worker) for worker in registered])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def said(self) -> dict[str, Any]:
        """As `submission.parse` takes it."""
        return {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}


def respond(admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """The form; once it is right, submit the task and lead to its page."""
    if not admin.has_add_permission(request):
        raise PermissionDenied
    form = SubmitForm(request.POST or None, initial=_initial(request))
    if request.method == "POST" and form.is_valid() and (made := _submit(request, form)):
        return HttpResponseRedirect(admin.address(made))
    context = {
        **admin.admin_site.each_context(request),
        "title": "Submit a task",
        "opts": admin.opts,
        "form": form,
        "kinds": [(kind, _fields(kind)) for kind in task_types.known()],
        "back": admin.list_address(),
    }
    return TemplateResponse(request, "governance/submit_task.html", context)


def _initial(request: HttpRequest) -> dict[str, Any]:
    """An example; or, with `?like=`, what another task was submitted with."""
    key = {"idempotency_key": f"console-{uuid4()}"}
    if like := _task(request.GET.get("like", "")):
        names = ("task_type", "title", "payload", "assigned_worker", "priority", "max_cost_usd")
        return key | {name: getattr(like, name) for name in names} | {"payload": _text(like.payload)}
    return key | {"task_type": _FIRST, "payload": _text(_EXAMPLE)}


def _text(payload: object) -> str:
    """JSON in lines, as a text that the form's field shows as it is."""
    return InvalidJSONInput(orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode())


def _task(task_id: str) -> Task | None:
    try:
        return Task.objects.filter(pk=UUID(task_id)).first()
    except ValueError:
        return None


def _submit(request: HttpRequest, form: SubmitForm) -> Task | None:
    """The task; or none, and the form says what is wrong with it."""
    try:
        asked = schemas.parse(form.said())
        receipt = tasks.submit([asked], actor=actors.from_user(request.user))[0]
    except Forbidden as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    except InvalidInput as invalid:
        _tell(form, invalid)
        return None
    except IdempotencyMismatch:
        form.add_error(None, "This form was sent before, with other words. Open it anew to submit another.")
        return None
    said = "This was submitted before: here it is." if receipt.is_replay else "Submitted."
    messages.success(request, said)
    return Task(pk=receipt.id)


def _tell(form: SubmitForm, invalid: InvalidInput) -> None:
    """Each error beside its field; what is wrong within the payload, with its place in it."""
    for error in invalid.errors:
        field, _, place = error.field.partition(".")
        said = f"{place}: {error.message}" if place else error.message
        form.add_error(field if field in form.fields else None, said)


def _fields(kind: task_types.TaskType) -> list[tuple[str, bool, str]]:
    """The fields of a type's payload: name, whether it must be there, and what it is for."""
    schema = kind.schema.model_json_schema()
    needed = schema.get("required", ())
    return [
        (name, name in needed, str(facts.get("description", facts.get("type", ""))))
        for name, facts in schema.get("properties", {}).items()
    ]
