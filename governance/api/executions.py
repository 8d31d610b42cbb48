"""`/api/tool-executions`: every call that was sent, refused or failed."""

from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance import gate_selectors
from governance.api.resource import Resource, answer
from governance.errors import ExecutionNotFound

EXECUTIONS = "/api/tool-executions"


class Executions(Resource):
    """`/api/tool-executions`."""

    def get(self, request: Request) -> HttpResponse:
        page = gate_selectors.listed_executions(self.asked, actor=self.actor)
        here = self.address(EXECUTIONS)
        return self.page("tool_executions", page, [row | {"url": f"{here}/{row['id']}"} for row in page.rows])


class ExecutionDetail(Resource):
    """`/api/tool-executions/{id}`: with its arguments, without secrets."""

    def get(self, request: Request, name: str) -> HttpResponse:
        row = gate_selectors.execution(_execution_id(name), actor=self.actor)
        return answer(row | {"url": self.address(f"{EXECUTIONS}/{row['id']}")})


def _execution_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ExecutionNotFound(text) from None
