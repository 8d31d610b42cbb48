"""The verbs of the console: each asks first, does it through its service, and tells in numbers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from governance.access import actors
from governance.errors import Forbidden
from governance.models import Task
from governance.models.task import LIVE
from governance.tasks import services as tasks
from juggernaut.console.lists.read_only import LISTED

CONFIRMED = "confirmed"
EXPECTED = "expected_count"
SHOWN = 10


class Outcome(Protocol):
    """How each row that a verb moved stands now, and how it found the ones that it left alone."""

    @property
    def moved(self) -> Mapping[Any, str]: ...

    @property
    def skipped(self) -> Mapping[Any, str]: ...


@dataclass(frozen=True)
class BulkAction:
    """One thing that an operator does to rows that have a state.

    `moves` are the states (in `column`) that it leads out of. `known_by` are the columns that name a
    row, the first that says anything. `asks` is what the operator is asked to write, if anything:
    whoever destroys must, and who does what `insists`.
    """

    name: str
    done: str
    call: Callable[..., Outcome]
    moves: Sequence[str]
    says: str
    is_destructive: bool
    insists: bool = False
    asks: str = "reason"
    noun: str = "task"
    column: str = "status"
    known_by: tuple[str, str] = ("title", "task_type")

    @property
    def must_say(self) -> bool:
        return self.is_destructive or self.insists

    def counted(self, count: int) -> str:
        return f"1 {self.noun}" if count == 1 else f"{count:,} {self.noun}s"


TERMINATE = BulkAction(
    "terminate",
    "Terminated",
    tasks.terminate,
    LIVE,
    "A terminated task ends as failed, with your reason as its error. A worker that runs it stops at its "
    "next step, and whatever it returns later is kept apart.",
    is_destructive=True,
)
CANCEL = BulkAction(
    "cancel",
    "Cancelled",
    tasks.cancel,
    LIVE,
    "A cancelled task has ended: nobody needs it any more. A worker that runs it stops at its next step.",
    is_destructive=True,
)
RETRY = BulkAction(
    "retry",
    "Retried",
    tasks.retry,
    (Task.Status.FAILED, Task.Status.CANCELLED),
    "A retried task goes back to the queue with fresh attempts. Its result and error are cleared; "
    "its history stays.",
    is_destructive=False,
)


class ReasonForm(forms.Form):
    """Why the operator does it; kept in the history."""

    reason = forms.CharField(max_length=500, widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True}))

    def __init__(self, verb: BulkAction, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.fields["reason"].required = verb.must_say
        self.fields["reason"].disabled = not verb.asks
        if not verb.must_say:
            self.fields["reason"].help_text = "May be left empty."


def confirm_or_run(
    admin: ModelAdmin, request: HttpRequest, chosen: "QuerySet[Any]", verb: BulkAction, *, back: str
) -> HttpResponse | None:
    """The page that asks for the reason; once confirmed, do it, say what was done, and return None.

    "All that match" means all that matched when the page was asked for, `LISTED` at most: rows that
    arrive meanwhile are left alone. The page says how many that are; if it is another number when it is
    confirmed, because some have changed, nothing is done and the page says the new number.
    """
    is_confirmed = CONFIRMED in request.POST
    if newest := request.POST.get("newest"):
        chosen = chosen.filter(pk__lte=newest)
    ids = _ids(chosen)
    form = ReasonForm(verb, request.POST if is_confirmed else None)
    if form.is_valid() and _is_as_many(request, form, len(ids)):
        _do(request, verb, ids, reason=form.cleaned_data["reason"] or f"{verb.name} in the console")
        return None
    return _ask(admin, request, chosen, verb, form, back, ids)


def _is_as_many(request: HttpRequest, form: ReasonForm, count: int) -> bool:
    expected = request.POST.get(EXPECTED, "")
    if not _is_across(request) or expected == str(count):
        return True
    form.add_error(None, f"Nothing was done: {count:,} match now, not {expected} as when you were asked.")
    return False


def _is_across(request: HttpRequest) -> bool:
    return request.POST.get("select_across") == "1"


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else None


def _ids(chosen: "QuerySet[Any]") -> list[Any]:
    return list(chosen.order_by("-pk").values_list("pk", flat=True)[:LISTED])


def _do(request: HttpRequest, verb: BulkAction, ids: list[Any], *, reason: str) -> None:
    try:
        outcome = verb.call(ids, actor=actors.from_user(request.user), reason=reason)
    except Forbidden as forbidden:
        raise PermissionDenied(str(forbidden)) from forbidden
    level = messages.SUCCESS if len(outcome.moved) == len(ids) else messages.WARNING
    messages.add_message(request, level, result_message(verb, ids, outcome))


def result_message(verb: BulkAction, ids: Sequence[object], outcome: Outcome) -> str:
    """What was done, what was skipped and why: `Terminated 3 tasks. Skipped 2: 1 completed, 1 failed.`"""
    said = [f"{verb.done} {verb.counted(len(outcome.moved))}."]
    found = sorted(Counter(outcome.skipped.values()).items(), key=lambda found: (-found[1], found[0]))
    if found:
        states = ", ".join(f"{count:,} {state.replace('_', ' ')}" for state, count in found)
        said.append(f"Skipped {len(outcome.skipped):,}: {states}.")
    if gone := len(ids) - len(outcome.moved) - len(outcome.skipped):
        said.append(f"{verb.counted(gone)} no longer existed.")
    return " ".join(said)


def _ask(
    admin: ModelAdmin,
    request: HttpRequest,
    chosen: "QuerySet[Any]",
    verb: BulkAction,
    form: ReasonForm,
    back: str,
    ids: list[Any],
) -> HttpResponse:
    rows = chosen.model.objects
    states = dict(
        rows.filter(pk__in=ids).order_by(verb.column).values_list(verb.column).annotate(count=Count("*"))
    )
    moving = sum(count for state, count in states.items() if state in verb.moves)
    skipped = {state: count for state, count in states.items() if state not in verb.moves}
    across = _is_across(request)
    context = {
        **admin.admin_site.each_context(request),
        "title": f"{verb.name.capitalize()} {verb.counted(moving)}?",
        "opts": admin.opts,
        "verb": verb,
        "form": form,
        "moving": moving,
        "skipped": skipped,
        "is_cut": len(ids) == LISTED,
        "limit": LISTED,
        "shown": rows.filter(pk__in=ids[:SHOWN])
        .order_by("-pk")
        .values_list("pk", verb.column, *verb.known_by),
        "more": max(0, len(ids) - SHOWN),
        # Django wants at least one to be chosen, also when all that match are.
        "selected": ids[:1] if across else ids,
        "newest": max(ids) if across and ids else None,
        "chosen_count": len(ids),
        # How many the list had said, if the page that asks comes from there.
        "seen_count": _number(request.POST.get("seen_count")) if across else None,
        "expected": EXPECTED,
        "action": request.POST.get("action", ""),
        "checkbox": helpers.ACTION_CHECKBOX_NAME,
        "confirmed": CONFIRMED,
        "back": back,
    }
    return TemplateResponse(request, "governance/confirm_verb.html", context)
