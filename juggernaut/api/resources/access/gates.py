"""`/api/gates`: may this call be made now, and which rule says so."""

from dataclasses import asdict
from typing import get_type_hints

from django.http import HttpResponse
from pydantic import BaseModel, ConfigDict
from rest_framework.request import Request

from governance import pagination
from governance.tasks.schemas import Money, Text
from juggernaut.api.openapi.declaration import Operation, endpoint, many, record
from juggernaut.api.resource import Resource, answer
from reliability.calls import explain
from reliability.calls.explain import Finding

_FINDING = record("GateFinding", "What a gate would say.", **get_type_hints(Finding))


class CallCheckRequest(BaseModel):
    """A call that might be made: of a tool, perhaps of a service, for at most so much."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    worker: Text
    tool: Text
    service: Text = ""
    cost_usd: Money | None = None


@endpoint(
    "Permissions",
    get=Operation(
        "explain_call",
        "What would each gate decide of this call now?",
        {200: record("Findings", is_allowed=bool, gates=many(_FINDING))},
        filters=CallCheckRequest,
        text="Nothing is counted, held or asked. The first gate that lets nothing through is the answer.",
    ),
)
class Gates(Resource):
    """`/api/gates?worker=…&tool=…`."""

    def get(self, request: Request) -> HttpResponse:
        asked = pagination.parse_whole(CallCheckRequest, self.asked)
        found = explain.asked(
            asked.worker, asked.tool, actor=self.actor, service=asked.service, cost_usd=asked.cost_usd
        )
        gates = [asdict(finding) for finding in found]
        return answer({"is_allowed": all(finding.lets_through for finding in found), "gates": gates})
