"""`/api/alerts`: what is wrong, who was told, and what people do about it."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from pydantic import ConfigDict
from rest_framework.request import Request

from governance.api import shapes
from governance.api.resource import Resource, answer
from governance.api.shapes import Reason
from governance.paging import Row
from governance.submission import Time
from monitoring.alerts import questions, verbs
from monitoring.errors import AlertNotFound

ALERTS = "/api/alerts"


class Until(Reason):
    """Nobody is told before then."""

    until: Time


class Setting(Reason):
    """What a rule is given beside the reason; `verbs.set_rule` checks it."""

    model_config = ConfigDict(extra="allow", frozen=True)


class AlertResource(Resource):
    def linked(self, row: Row) -> Row:
        return row | {"url": self.address(f"{ALERTS}/{row['id']}")}

    def told(self, alert_id: UUID) -> HttpResponse:
        return answer(self.linked(questions.alert(alert_id, actor=self.actor)))


class Alerts(AlertResource):
    """`/api/alerts`."""

    def get(self, request: Request) -> HttpResponse:
        page = questions.alerts(self.asked, actor=self.actor)
        return self.page("alerts", page, [self.linked(row) for row in page.rows])


class AlertDetail(AlertResource):
    """`/api/alerts/{id}`: with its newest messages."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return self.told(alert_id(name))


class _Verb(AlertResource):
    """The subclass names the verb of `alerts.verbs` and the shape of its body."""

    verb: ClassVar[Any]
    shape: ClassVar[type[Reason]] = Reason

    def post(self, request: Request, name: str) -> HttpResponse:
        said = shapes.read(request, self.shape).model_dump()
        reason = said.pop("reason")
        chosen = alert_id(name)
        verbs.one(self.verb, chosen, *said.values(), actor=self.actor, reason=reason)
        return self.told(chosen)


class Acknowledge(_Verb):
    """`POST …/acknowledge`: somebody sees to it. 409 unless it is open."""

    verb = staticmethod(verbs.acknowledge)


class Mute(_Verb):
    """`POST …/mute` with `until`."""

    verb, shape = staticmethod(verbs.mute), Until


class Unmute(_Verb):
    """`POST …/unmute`: 409 unless it is muted."""

    verb = staticmethod(verbs.unmute)


class Rules(Resource):
    """`/api/alerts/rules`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"rules": questions.rules(actor=self.actor)})


class RuleDetail(Resource):
    """`PATCH /api/alerts/rules/{name}`: `{"threshold": 120, "reason": …}`; what is left out stays."""

    def patch(self, request: Request, name: str) -> HttpResponse:
        said = shapes.read(request, Setting).model_dump()
        reason = said.pop("reason")
        row = verbs.set_rule(name, said, actor=self.actor, reason=reason)
        return answer({field: getattr(row, field) for field in questions.RULE})


def alert_id(text: str) -> UUID:
    """The id in an address; what is none names no alert."""
    try:
        return UUID(text)
    except ValueError:
        raise AlertNotFound(text) from None
