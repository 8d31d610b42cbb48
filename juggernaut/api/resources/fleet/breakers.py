"""`/api/breakers`: how the circuit breakers stand, what happened to them, and the verbs that steer them."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from django.http import HttpResponse
from pydantic import Field, model_validator
from rest_framework.request import Request

from governance.pagination import Row
from governance.tasks.schemas import Text, Time
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, many, page, record
from juggernaut.api.resource import Resource, answer
from juggernaut.api.resources.dead_letters.path_parameters import BREAKER
from juggernaut.api.schemas import ReasonOptional, ReasonRequired
from reliability.breakers import selectors, services
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent, Mode, State
from reliability.breakers.settings import NAMES, Changes

BREAKERS = "/api/breakers"
MAX_NAMES = 1000


class BreakerChanges(ReasonRequired, Changes):
    """What is left out stays."""


class UntilRequest(ReasonRequired):
    """Without `until` it lasts until somebody restores the breaker."""

    until: Time | None = None


class UntilThenRequest(ReasonRequired):
    until: Time


class BreakerSelection(ReasonRequired):
    """Breakers by their names, or all of them: one of both."""

    names: Annotated[list[Text], Field(min_length=1, max_length=MAX_NAMES)] | None = None
    all: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "BreakerSelection":
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
_EVENT = columns("BreakerEvent", CircuitBreakerEvent, selectors.EVENT)
_REASON = {"why": {"reason": "they are back"}}
_UNTIL = {"for a night": {"until": "2036-11-30T08:00:00Z", "reason": "it trips for nothing"}}


class ReasonUntilRequest(ReasonOptional, UntilRequest):
    pass


class ReasonUntilThenRequest(ReasonOptional, UntilThenRequest):
    pass


class BreakerResource(Resource):
    def linked(self, row: Row) -> Row:
        url = self.address(f"{BREAKERS}/{row['name']}")
        return row | {"url": url, "events_url": f"{url}/events"}

    def stands(self, name: str) -> Row:
        return self.linked(selectors.breakers([name], actor=self.actor)[0])


@endpoint(
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
        rows = selectors.breakers(actor=self.actor)
        return answer({"breakers": [self.linked(row) for row in rows]})


@endpoint(
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
        services.update_settings(name, actor=self.actor, **said)
        return answer(self.stands(name))


@endpoint(
    "Breakers",
    get=Operation(
        "list_breaker_events",
        "List what happened to the breakers, newest first",
        {200: page("events", _EVENT)},
        filters=selectors.EventFilter,
        is_paged=True,
    ),
)
class Events(Resource):
    """`/api/breakers/events`."""

    def get(self, request: Request, name: str | None = None) -> HttpResponse:
        found = selectors.events(self.asked, actor=self.actor, breaker=name)
        return self.page("events", found, found.rows)


@endpoint(
    "Breakers",
    of=BREAKER,
    get=Operation(
        "list_events_of_breaker",
        "List what happened to a breaker, newest first",
        {200: page("events", _EVENT)},
        filters=selectors.EventFilter,
        is_paged=True,
    ),
)
class EventsOfOne(Events):
    """`/api/breakers/{name}/events`."""


@endpoint(
    "Breakers",
    post=Operation(
        "reset_breakers",
        "Close several breakers, or all",
        {200: record("ResetBreakers", reset=int)},
        body=BreakerSelection,
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
        asked = shapes.read(request, BreakerSelection)
        if asked.names is None:
            return answer({"reset": services.reset_all(actor=self.actor, reason=asked.reason)})
        return answer({"reset": services.reset_many(asked.names, actor=self.actor, reason=asked.reason)})


class _Steer(BreakerResource):
    """The subclass names the verb of `breakers.verbs` and the shape of its body."""

    verb: ClassVar[Any]
    shape: ClassVar[type[ReasonRequired]] = ReasonRequired

    def post(self, request: Request, name: str) -> HttpResponse:
        said = shapes.read(request, self.shape)
        self.verb(name, actor=self.actor, **said.model_dump())
        return answer(self.stands(name))


@endpoint(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "reset_breaker",
        "Close a breaker and forget what it counted",
        {200: _BREAKER},
        body=ReasonRequired,
        refuses=(404,),
        examples=_REASON,
    ),
)
class Reset(_Steer):
    verb = staticmethod(services.reset)


@endpoint(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "force_open_breaker",
        "Refuse every call",
        {200: _BREAKER},
        body=ReasonUntilRequest,
        refuses=(404,),
        examples=_UNTIL,
    ),
)
class ForceOpen(_Steer):
    verb, shape = staticmethod(services.force_open), UntilRequest


@endpoint(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "disable_breaker",
        "Admit every call until then",
        {200: _BREAKER},
        body=ReasonUntilThenRequest,
        refuses=(404,),
        examples=_UNTIL,
    ),
)
class Disable(_Steer):
    verb, shape = staticmethod(services.disable_until), UntilThenRequest


@endpoint(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "shadow_breaker",
        "Switch a breaker to shadow mode",
        {200: _BREAKER},
        body=ReasonUntilRequest,
        refuses=(404,),
        examples=_UNTIL,
    ),
)
class Shadow(_Steer):
    verb, shape = staticmethod(services.shadow), UntilRequest


@endpoint(
    "Breakers",
    of=BREAKER,
    post=Operation(
        "restore_breaker",
        "Let it decide again",
        {200: _BREAKER},
        body=ReasonOptional,
        refuses=(404,),
        examples=_REASON,
    ),
)
class Restore(_Steer):
    verb = staticmethod(services.restore)
