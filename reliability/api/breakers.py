"""`/api/breakers`: how the circuit breakers stand, what happened to them, and the verbs that steer them."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from django.http import HttpResponse
from pydantic import Field, model_validator
from rest_framework.request import Request

from governance.api import shapes
from governance.api.columns import columns
from governance.api.description import Operation, describe, many, page, record
from governance.api.resource import Resource, answer
from governance.api.shapes import Reason, Why
from governance.paging import Row
from governance.submission import Text, Time
from reliability.api.places import BREAKER
from reliability.breakers import questions, verbs
from reliability.breakers.rows import CircuitBreaker, CircuitBreakerEvent, Mode, State
from reliability.breakers.settings import NAMES, Changes

BREAKERS = "/api/breakers"
MAX_NAMES = 1000


class BreakerChanges(Reason, Changes):
    """What is left out stays."""


class Until(Reason):
    """Without `until` it lasts until somebody restores the breaker."""

    until: Time | None = None


class UntilThen(Reason):
    until: Time


class BreakersChosen(Reason):
    """Breakers by their names, or all of them: one of both."""

    names: Annotated[list[Text], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    all: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "BreakersChosen":
        if (self.names is None) != self.all:
            raise ValueError('expected names, or "all": true')
        return self


_BREAKER = record(
    "Breaker",
    "How a breaker stands. Counts are null while Redis is away; `next_probe_at` null in an open one means: "
    "not before an operator acts.",
    name=str,
    state=State,
    kind=str,
    cause=str,
    failure_count=int | None,
    calls=int | None,
    failures=int | None,
    failure_rate=float | None,
    opened_at=datetime | None,
    next_probe_at=datetime | None,
    probes_under_way=int | None,
    probes_succeeded=int | None,
    source=Literal["redis", "last known"],
    mode=Mode,
    mode_until=datetime | None,
    mode_by=str,
    mode_reason=str,
    settings=columns("BreakerSettings", CircuitBreaker, NAMES),
    url=str,
    events_url=str,
)
_EVENT = columns("BreakerEvent", CircuitBreakerEvent, questions.EVENT)
_REASON = {"why": {"reason": "they are back"}}
_UNTIL = {"for a night": {"until": "2036-11-30T08:00:00Z", "reason": "it trips for nothing"}}


class WhyUntil(Why, Until):
    pass


class WhyUntilThen(Why, UntilThen):
    pass


class BreakerResource(Resource):
    def linked(self, row: Row) -> Row:
        url = self.address(f"{BREAKERS}/{row['name']}")
        return row | {"url": url, "events_url": f"{url}/events"}

    def stands(self, name: str) -> Row:
        return self.linked(questions.standings([name], actor=self.actor)[0])


@describe(
    "Breakers",
    get=Operation(
        "list_breakers",
        "Show how the circuit breakers stand",
        {200: record("Breakers", breakers=many(_BREAKER))},
    ),
)
class Breakers(BreakerResource):
    """`/api/breakers`."""

    def get(self, request: Request) -> HttpResponse:
        rows = questions.standings(actor=self.actor)
        return answer({"breakers": [self.linked(row) for row in rows]})


@describe(
    "Breakers",
    of=BREAKER,
    get=Operation("get_breaker", "Show how a breaker stands", {200: _BREAKER}),
    patch=Operation(
        "set_breaker",
        "Change settings; counters are kept",
        {200: _BREAKER},
        body=BreakerChanges,
        examples={"more tolerant": {"failure_threshold": 10, "reset_timeout": 60, "reason": "they flap"}},
    ),
)
class BreakerDetail(BreakerResource):
    """`/api/breakers/{name}`; a name may hold slashes."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.stands(name))

    def patch(self, request: Request, name: str) -> HttpResponse:
        """`{"failure_threshold": 10, …, "reason": …}`: settings; counters are kept."""
        said = shapes.read(request, BreakerChanges).model_dump(exclude_unset=True)
        verbs.update_settings(name, actor=self.actor, **said)
        return answer(self.stands(name))


@describe(
    "Breakers",
    get=Operation(
        "list_breaker_events",
        "List what happened to the breakers, newest first",
        {200: page("events", _EVENT)},
        filters=questions.EventFilter,
        is_paged=True,
    ),
)
class Events(Resource):
    """`/api/breakers/events`."""

    def get(self, request: Request, name: str | None = None) -> HttpResponse:
        found = questions.events(self.asked, actor=self.actor, breaker=name)
        return self.page("events", found, found.rows)


@describe(
    "Breakers",
    of=BREAKER,
    get=Operation(
        "list_events_of_breaker",
        "List what happened to a breaker, newest first",
        {200: page("events", _EVENT)},
        filters=questions.EventFilter,
        is_paged=True,
    ),
)
class EventsOfOne(Events):
    """`/api/breakers/{name}/events`."""


@describe(
    "Breakers",
    post=Operation(
        "reset_breakers",
        "Close several breakers, or all",
        {200: record("ResetBreakers", reset=int)},
        body=BreakersChosen,
        refuses=(404,),
        examples={
            "two": {"names": ["openrouter", "openrouter:lab/m"]},
            "all": {"all": True, "reason": "they are back"},
        },
    ),
)
class ResetMany(Resource):
    """`/api/breakers/reset`: `{"names": […]}` or `{"all": true}`."""

    def post(self, request: Request) -> HttpResponse:
        asked = shapes.read(request, BreakersChosen)
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


@describe(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "reset_breaker",
        "Close a breaker and forget what it counted",
        {200: _BREAKER},
        body=Reason,
        refuses=(404,),
        examples=_REASON,
    ),
)
class Reset(_Steer):
    verb = staticmethod(verbs.reset)


@describe(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "force_open_breaker",
        "Refuse every call",
        {200: _BREAKER},
        body=WhyUntil,
        refuses=(404,),
        examples=_UNTIL,
    ),
)
class ForceOpen(_Steer):
    verb, shape = staticmethod(verbs.force_open), Until


@describe(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "disable_breaker",
        "Admit every call until then",
        {200: _BREAKER},
        body=WhyUntilThen,
        refuses=(404,),
        examples=_UNTIL,
    ),
)
class Disable(_Steer):
    verb, shape = staticmethod(verbs.disable_until), UntilThen


@describe(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "shadow_breaker", "Let it only watch", {200: _BREAKER}, body=WhyUntil, refuses=(404,), examples=_UNTIL
    ),
)
class Shadow(_Steer):
    verb, shape = staticmethod(verbs.shadow), Until


@describe(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "restore_breaker", "Let it decide again", {200: _BREAKER}, body=Why, refuses=(404,), examples=_REASON
    ),
)
class Restore(_Steer):
    verb = staticmethod(verbs.restore)
