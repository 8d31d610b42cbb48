"""`/api/alerts`: what is wrong, who was told, and what people do about it."""

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance.pagination import Row
from governance.tasks.schemas import Time
from juggernaut.api import schemas as shapes
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, PathParameter, endpoint, many, page, record
from juggernaut.api.resource import Resource, answer
from juggernaut.api.schemas import ClosedModel, ReasonOptional, ReasonRequired
from monitoring.alerts import selectors, services
from monitoring.errors import AlertNotFound
from monitoring.models import Alert, AlertMessage, AlertRule

ALERTS = "/api/alerts"
ALERT_ID = PathParameter("alert_id", "The alert's id.", "0198f2a0-7c1e-7000-8000-5b1f6a2c9d3e", "uuid")
RULE = PathParameter("alert_rule", "The rule's name.", "oldest_pending")


class Until(ReasonOptional):
    """Nobody is told before then."""

    until: Time


class Setting(ReasonOptional, services.Changes):
    """What a rule is given; what is left out stays."""


_ALERT = columns("Alert", Alert, selectors.ALERT, url=str)
_MESSAGE = columns("AlertMessage", AlertMessage, selectors.MESSAGE)
_DETAIL = columns("AlertDetail", Alert, selectors.ALERT, url=str, messages=many(_MESSAGE))
_RULE = columns("AlertRule", AlertRule, selectors.RULE)
_REASON = {"why": {"reason": "the provider is asked"}}


class AlertResource(Resource):
    def linked(self, row: Row) -> Row:
        return row | {"url": self.address(f"{ALERTS}/{row['id']}")}

    def told(self, alert_id: UUID) -> HttpResponse:
        return answer(self.linked(selectors.alert(alert_id, actor=self.actor)))


@endpoint(
    "Alerts",
    get=Operation(
        "list_alerts",
        "List what is or was wrong, newest first",
        {200: page("alerts", _ALERT)},
        filters=selectors.AlertFilter,
        is_paged=True,
    ),
)
class Alerts(AlertResource):
    """`/api/alerts`."""

    def get(self, request: Request) -> HttpResponse:
        page = selectors.alerts(self.asked, actor=self.actor)
        return self.page("alerts", page, [self.linked(row) for row in page.rows])


@endpoint(
    "Alerts",
    of=ALERT_ID,
    get=Operation("get_alert", "Show an alert with its newest messages", {200: _DETAIL}),
)
class AlertDetail(AlertResource):
    """`/api/alerts/{id}`: with its newest messages."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return self.told(alert_id(name))


class _Verb(AlertResource):
    """The subclass names the verb of `alerts.verbs` and the shape of its body."""

    verb: ClassVar[Any]
    shape: ClassVar[type[ClosedModel]] = ReasonRequired

    def post(self, request: Request, name: str) -> HttpResponse:
        said = shapes.read(request, self.shape).model_dump()
        reason = said.pop("reason")
        chosen = alert_id(name)
        services.one(self.verb, chosen, *said.values(), actor=self.actor, reason=reason)
        return self.told(chosen)


# A fixed date would be over some day, and the example refused.
_TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)


def _described(name: str, summary: str, shape: type[ClosedModel], examples: dict[str, Any]) -> Any:
    operation = Operation(name, summary, {200: _DETAIL}, body=shape, refuses=(409,), examples=examples)
    return endpoint("Alerts", of=ALERT_ID, post=operation)


@_described("acknowledge_alert", "Say that somebody sees to an alert", ReasonOptional, _REASON)
class Acknowledge(_Verb):
    """`POST …/acknowledge`: somebody sees to it. 409 unless it is open."""

    verb, shape = staticmethod(services.acknowledge), ReasonOptional


@_described(
    "mute_alert",
    "Tell nobody of an alert for a while",
    Until,
    {"for a day": {"until": _TOMORROW.isoformat(), "reason": "their maintenance"}},
)
class Mute(_Verb):
    """`POST …/mute` with `until`."""

    verb, shape = staticmethod(services.mute), Until


@_described("unmute_alert", "Tell people of an alert again", ReasonRequired, _REASON)
class Unmute(_Verb):
    """`POST …/unmute`: 409 unless it is muted."""

    verb = staticmethod(services.unmute)


@endpoint(
    "Alerts",
    get=Operation(
        "list_alert_rules",
        "List what is looked at, and from where on it is an alert",
        {200: record("AlertRules", rules=many(_RULE))},
    ),
)
class Rules(Resource):
    """`/api/alerts/rules`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"rules": selectors.rules(actor=self.actor)})


@endpoint(
    "Alerts",
    of=RULE,
    patch=Operation(
        "set_alert_rule",
        "Change a rule from the next sweep on",
        {200: _RULE},
        body=Setting,
        examples={"later": {"threshold": 120, "reason": "a slow night is no alarm"}},
    ),
)
class RuleDetail(Resource):
    """`PATCH /api/alerts/rules/{name}`: `{"threshold": 120, "reason": …}`; what is left out stays."""

    def patch(self, request: Request, name: str) -> HttpResponse:
        said = shapes.read(request, Setting).model_dump(exclude_unset=True)
        reason = said.pop("reason")
        row = services.set_rule(name, said, actor=self.actor, reason=reason)
        return answer({field: getattr(row, field) for field in selectors.RULE})


def alert_id(text: str) -> UUID:
    """The id in an address; what is none names no alert."""
    try:
        return UUID(text)
    except ValueError:
        raise AlertNotFound(text) from None
