"""`/api/dlq`: the list of dead letters, one of them, and what can be done about them."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance.errors import DeadLetterNotFound
from governance.models import DeadLetter
from governance.models.task import Status
from governance.pagination import Row
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, many, page, record
from juggernaut.api.path_parameters import TASK_ID
from juggernaut.api.resource import TASKS, Resource, answer, task_id
from juggernaut.api.resources.dead_letters import selection
from juggernaut.api.resources.dead_letters.path_parameters import LETTER_ID
from juggernaut.api.resources.dead_letters.selection import Note, ReasonRequired, ResolveSelection
from juggernaut.api.schemas import ReasonOptional
from reliability.dead_letters import selectors
from reliability.dead_letters import services as dead_letters
from reliability.dead_letters.filters import DeadLetterFilter
from reliability.dead_letters.services import Outcome

DLQ = "/api/dlq"
MAX_MATCHING = 10_000


_LINKS: Any = {"url": str, "task_url": str, "group_url": str}
_SUMMARY = columns("DeadLetterSummary", DeadLetter, selectors.SUMMARY, **_LINKS)
_LETTER = columns(
    "DeadLetter",
    DeadLetter,
    selectors.DETAIL,
    "A dead letter with its task as it was, the attempts with their errors, and the history of retries.",
    task_status=Status,
    step=str | None,
    workflow_id=UUID | None,
    **_LINKS,
)
_MOVED = record("MovedLetter", id=UUID, url=str, status=DeadLetter.Status)
_MADE = record("NewLetter", "Of a task that was moved.", base=_MOVED, task_id=UUID, task_url=str)
_SKIPPED = record(
    "SkippedLetter", "`found` is the state it was in; null if there is none.", id=UUID, found=str | None
)
TOLD = record("MovedLetters", moved=int, skipped=int, skipped_letters=many(_SKIPPED))
_REASON = {"why": {"reason": "the network is back"}}
_NOTE = {"a note": {"note": "fixed by updating the API credentials"}}


class DeadLetterResource(Resource):
    def links(self, letter_id: UUID, task: UUID, group: UUID) -> dict[str, str]:
        return {
            "url": self.address(f"{DLQ}/{letter_id}"),
            "task_url": self.address(f"{TASKS}/{task}"),
            "group_url": self.address(f"{DLQ}/groups/{group}"),
        }

    def linked(self, row: Row) -> Row:
        return row | self.links(row["id"], row["task_id"], row["signature_id"])


@endpoint(
    "Dead letters",
    get=Operation(
        "list_letters",
        "List dead letters, newest first",
        {200: page("letters", _SUMMARY)},
        filters=DeadLetterFilter,
        is_paged=True,
    ),
)
class DeadLetters(DeadLetterResource):
    """`/api/dlq`."""

    def get(self, request: Request) -> HttpResponse:
        page = selectors.letters(self.asked, actor=self.actor)
        return self.page("letters", page, [self.linked(row) for row in page.rows])


@endpoint(
    "Dead letters",
    of=LETTER_ID,
    get=Operation("get_letter", "Show everything about a dead letter", {200: _LETTER}),
)
class DeadLetterDetail(DeadLetterResource):
    """`/api/dlq/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.linked(selectors.letter(dead_letter_id(name), actor=self.actor)))


@endpoint(
    "Dead letters",
    of=LETTER_ID,
    post=Operation(
        "retry_letter",
        "Give its task fresh attempts",
        {200: _MOVED},
        body=ReasonRequired,
        refuses=(409,),
        examples=_REASON,
    ),
)
class Retry(DeadLetterResource):
    """`/api/dlq/{id}/retry`: `{"reason": …}`, or nothing. 409 when the letter is not pending."""

    def post(self, request: Request, name: str) -> HttpResponse:
        reason, chosen = selection.read(request, ReasonRequired).reason, dead_letter_id(name)
        dead_letters.one(dead_letters.retry, chosen, actor=self.actor, reason=reason)
        return answer(self._told(chosen, DeadLetter.Status.RETRYING))

    def _told(self, chosen: UUID, status: str) -> dict[str, Any]:
        return {"id": chosen, "url": self.address(f"{DLQ}/{chosen}"), "status": status}


@endpoint(
    "Dead letters",
    of=LETTER_ID,
    post=Operation(
        "resolve_letter",
        "Close it; its task stays as it is",
        {200: _MOVED},
        body=Note,
        refuses=(409,),
        examples=_NOTE,
    ),
)
class Resolve(Retry):
    """`/api/dlq/{id}/resolve`: `{"note": …}`. 409 when the letter is resolved already."""

    def post(self, request: Request, name: str) -> HttpResponse:
        note, chosen = selection.read(request, Note).note, dead_letter_id(name)
        dead_letters.one(dead_letters.resolve, chosen, actor=self.actor, note=note)
        return answer(self._told(chosen, DeadLetter.Status.RESOLVED))


@endpoint(
    "Dead letters",
    post=Operation(
        "resolve_letters",
        "Close letters by their ids, or all open ones that match",
        {200: TOLD},
        body=ResolveSelection,
        examples={
            "some": {"ids": [LETTER_ID.example], **_NOTE["a note"]},
            "all that match": {"filter": {"matching": "401", "service": ["openrouter"]}, **_NOTE["a note"]},
        },
    ),
)
class ResolveMany(Resource):
    """`/api/dlq/resolve`: `{"ids": […]}` or `{"filter": {…}}`, and `"note"`."""

    def post(self, request: Request) -> HttpResponse:
        chosen = selection.read(request, ResolveSelection)
        if chosen.filter is None:
            ids = chosen.unique_ids
            return answer(item_results(dead_letters.resolve(ids, actor=self.actor, note=chosen.note), ids))
        return answer(item_results(self._resolve_all(chosen.filter, chosen.note), []))

    def _resolve_all(self, matching: DeadLetterFilter, note: str) -> Outcome:
        total = Outcome(moved={}, skipped={})
        steps = dead_letters.resolve_all(matching, actor=self.actor, note=note, at_most=MAX_MATCHING)
        for outcome in steps:
            total.moved.update(outcome.moved)
            total.skipped.update(outcome.skipped)
        return total


@endpoint(
    "Dead letters",
    of=TASK_ID,
    post=Operation(
        "move_task_to_dlq",
        "Fail a live task with a dead letter",
        {200: _MADE},
        body=ReasonOptional,
        refuses=(409,),
        examples={"why": {"reason": "Rate limit exceeded"}},
    ),
)
class Move(DeadLetterResource):
    """`/api/tasks/{id}/move-to-dlq`: `{"reason": …}`. 409 when the task has ended."""

    def post(self, request: Request, name: str) -> HttpResponse:
        reason, moved = selection.read(request, ReasonRequired).reason, task_id(name)
        letter = dead_letters.move_one(moved, actor=self.actor, reason=reason)
        links = {"url": self.address(f"{DLQ}/{letter}"), "task_url": self.address(f"{TASKS}/{moved}")}
        return answer({"id": letter, "task_id": moved, "status": DeadLetter.Status.PENDING, **links})


def dead_letter_id(text: str) -> UUID:
    """The id in an address; what is none names no letter."""
    try:
        return UUID(text)
    except ValueError:
        raise DeadLetterNotFound(text) from None


def item_results(outcome: Outcome, ids: list[UUID]) -> dict[str, Any]:
    """How many letters were moved, and which were not and how they stood; `found` is null for unknown ids."""
    unknown = [letter for letter in ids if letter not in outcome.moved and letter not in outcome.skipped]
    return {
        "moved": len(outcome.moved),
        "skipped": len(outcome.skipped) + len(unknown),
        "skipped_letters": [
            *({"id": letter, "found": found} for letter, found in outcome.skipped.items()),
            *({"id": letter, "found": None} for letter in unknown),
        ],
    }
