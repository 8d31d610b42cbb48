"""`/api/dlq`: the list of dead letters, one of them, and what can be done about them."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance.api.resource import TASKS, Resource, answer, task_id
from governance.errors import DeadLetterNotFound
from governance.models import DeadLetter
from governance.paging import Row
from reliability import dead_letters, selectors
from reliability.api import asked
from reliability.api.asked import ChosenForResolving, Note, Reason
from reliability.dead_letters import Outcome
from reliability.letter_filter import LetterFilter

DLQ = "/api/dlq"
MAX_MATCHING = 10_000


class LetterResource(Resource):
    def links(self, letter_id: UUID, task: UUID, group: UUID) -> dict[str, str]:
        return {
            "url": self.address(f"{DLQ}/{letter_id}"),
            "task_url": self.address(f"{TASKS}/{task}"),
            "group_url": self.address(f"{DLQ}/groups/{group}"),
        }

    def linked(self, row: Row) -> Row:
        return row | self.links(row["id"], row["task_id"], row["signature_id"])


class Letters(LetterResource):
    """`/api/dlq`."""

    def get(self, request: Request) -> HttpResponse:
        page = selectors.letters(self.asked, actor=self.actor)
        return self.page("letters", page, [self.linked(row) for row in page.rows])


class LetterDetail(LetterResource):
    """`/api/dlq/{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.linked(selectors.letter(letter_id(name), actor=self.actor)))


class Retry(LetterResource):
    """`/api/dlq/{id}/retry`: `{"reason": …}`, or nothing. 409 when the letter is not pending."""

    def post(self, request: Request, name: str) -> HttpResponse:
        reason, chosen = asked.read(request, Reason).reason, letter_id(name)
        dead_letters.one(dead_letters.retry, chosen, actor=self.actor, reason=reason)
        return answer(self._told(chosen, DeadLetter.Status.RETRYING))

    def _told(self, chosen: UUID, status: str) -> dict[str, Any]:
        return {"id": chosen, "url": self.address(f"{DLQ}/{chosen}"), "status": status}


class Resolve(Retry):
    """`/api/dlq/{id}/resolve`: `{"note": …}`. 409 when the letter is resolved already."""

    def post(self, request: Request, name: str) -> HttpResponse:
        note, chosen = asked.read(request, Note).note, letter_id(name)
        dead_letters.one(dead_letters.resolve, chosen, actor=self.actor, note=note)
        return answer(self._told(chosen, DeadLetter.Status.RESOLVED))


class ResolveMany(Resource):
    """`/api/dlq/resolve`: `{"ids": […]}` or `{"filter": {…}}`, and `"note"`."""

    def post(self, request: Request) -> HttpResponse:
        chosen = asked.read(request, ChosenForResolving)
        if chosen.filter is None:
            ids = chosen.unique_ids
            return answer(told(dead_letters.resolve(ids, actor=self.actor, note=chosen.note), ids))
        return answer(told(self._resolve_all(chosen.filter, chosen.note), []))

    def _resolve_all(self, matching: LetterFilter, note: str) -> Outcome:
        total = Outcome(moved={}, skipped={})
        steps = dead_letters.resolve_all(matching, actor=self.actor, note=note, at_most=MAX_MATCHING)
        for outcome in steps:
            total.moved.update(outcome.moved)
            total.skipped.update(outcome.skipped)
        return total


class Move(LetterResource):
    """`/api/tasks/{id}/move-to-dlq`: `{"reason": …}`. 409 when the task has ended."""

    def post(self, request: Request, name: str) -> HttpResponse:
        reason, moved = asked.read(request, Reason).reason, task_id(name)
        letter = dead_letters.move_one(moved, actor=self.actor, reason=reason)
        links = {"url": self.address(f"{DLQ}/{letter}"), "task_url": self.address(f"{TASKS}/{moved}")}
        return answer({"id": letter, "task_id": moved, "status": DeadLetter.Status.PENDING, **links})


def letter_id(text: str) -> UUID:
    """The id in an address; what is none names no letter."""
    try:
        return UUID(text)
    except ValueError:
        raise DeadLetterNotFound(text) from None


def told(outcome: Outcome, ids: list[UUID]) -> dict[str, Any]:
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
