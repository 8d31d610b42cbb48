"""`/api/breakers`: how the circuit breakers stand, what happened to them, and the verbs that steer them."""

from typing import Annotated, Any, ClassVar

from django.http import HttpResponse
from pydantic import Field, model_validator
from rest_framework.request import Request

from governance.api import shapes
from governance.api.resource import Resource, answer
from governance.api.shapes import Reason
from governance.paging import Row
from governance.submission import Text, Time
from reliability.breakers import questions, verbs
from reliability.breakers.settings import Changes

BREAKERS = "/api/breakers"
MAX_NAMES = 1000


class Settings(Reason, Changes):
    """What is left out stays."""


class Until(Reason):
    """Without `until` it lasts until somebody restores the breaker."""

    until: Time | None = None


class UntilThen(Reason):
    until: Time


class Chosen(Reason):
    """Breakers by their names, or all of them: one of both."""

    names: Annotated[list[Text], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    all: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "Chosen":
        if (self.names is None) != self.all:
            raise ValueError('expected names, or "all": true')
        return self


class BreakerResource(Resource):
    def linked(self, row: Row) -> Row:
        url = self.address(f"{BREAKERS}/{row['name']}")
        return row | {"url": url, "events_url": f"{url}/events"}

    def stands(self, name: str) -> Row:
        return self.linked(questions.standings([name], actor=self.actor)[0])


class Breakers(BreakerResource):
    """`/api/breakers`."""

    def get(self, request: Request) -> HttpResponse:
        rows = questions.standings(actor=self.actor)
        return answer({"breakers": [self.linked(row) for row in rows]})


class BreakerDetail(BreakerResource):
    """`/api/breakers/{name}`; a name may hold slashes."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.stands(name))

    def patch(self, request: Request, name: str) -> HttpResponse:
        """`{"failure_threshold": 10, …, "reason": …}`: settings; counters are kept."""
        said = shapes.read(request, Settings).model_dump(exclude_unset=True)
        verbs.update_settings(name, actor=self.actor, **said)
        return answer(self.stands(name))


class Events(Resource):
    """`/api/breakers/events`, and `/api/breakers/{name}/events`."""

    def get(self, request: Request, name: str | None = None) -> HttpResponse:
        page = questions.events(self.asked, actor=self.actor, breaker=name)
        return self.page("events", page, page.rows)


class ResetMany(Resource):
    """`/api/breakers/reset`: `{"names": […]}` or `{"all": true}`."""

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, Chosen)
        if asked.names is None:
            return answer({"reset": verbs.reset_all(actor=self.actor, reason=asked.reason)})
        return answer({"reset": verbs.reset_many(asked.names, actor=self.actor, reason=asked.reason)})


class _Steer(BreakerResource):
    """The subclass names the verb of `breakers.verbs` and the shape of its body."""

    verb: ClassVar[Any]
    shape: ClassVar[type[Reason]] = Reason

    def post(self, request: Request, name: str) -> HttpResponse:
        said = shapes.read(request, self.shape)
        self.verb(name, actor=self.actor, **said.model_dump())
        return answer(self.stands(name))


class Reset(_Steer):
    verb = staticmethod(verbs.reset)


class ForceOpen(_Steer):
    verb, shape = staticmethod(verbs.force_open), Until


class Disable(_Steer):
    verb, shape = staticmethod(verbs.disable_until), UntilThen


class Shadow(_Steer):
    verb, shape = staticmethod(verbs.shadow), Until


class Restore(_Steer):
    verb = staticmethod(verbs.restore)
