"""`/api/why?worker=…&tool=…`: may such a call be made now, gate by gate?"""

from dataclasses import asdict
from decimal import Decimal

from django.http import HttpResponse
from rest_framework.request import Request

from governance import paging
from governance.api.resource import Resource, answer
from governance.api.shapes import Shape
from governance.submission import Text
from reliability.door import explain


class _Call(Shape):
    worker: Text
    tool: Text
    service: Text = ""
    cost_usd: Decimal | None = None


class Why(Resource):
    """`/api/why`: `is_allowed` if no gate would refuse it; a task's own is `/api/tasks/{id}/why`."""

    def get(self, request: Request) -> HttpResponse:
        asked = paging.validate(_Call, {name: paging.single(name, v) for name, v in self.asked.items()})
        found = explain.asked(
            asked.worker, asked.tool, actor=self.actor, service=asked.service, cost_usd=asked.cost_usd
        )
        gates = [asdict(finding) for finding in found]
        return answer({"is_allowed": all(finding.lets_through for finding in found), "gates": gates})
