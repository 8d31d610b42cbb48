"""`/api/tool-executions`: every call that was sent, refused or failed."""

from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from governance.access import selectors as gate_selectors
from governance.errors import ExecutionNotFound
from governance.models import ToolExecution
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, page
from juggernaut.api.path_parameters import EXECUTION_ID
from juggernaut.api.resource import Resource, answer

EXECUTIONS = "/api/tool-executions"


_SUMMARY = columns("ToolExecutionSummary", ToolExecution, gate_selectors.EXECUTION, url=str)
_DETAIL = columns(
    "ToolExecution", ToolExecution, (*gate_selectors.EXECUTION, "arguments", "ends_by"), url=str
)


@endpoint(
    "Tools",
    get=Operation(
        "list_tool_executions",
        "List calls sent, refused and failed, newest first",
        {200: page("tool_executions", _SUMMARY)},
        filters=gate_selectors.ExecutionFilter,
        is_paged=True,
    ),
)
class Executions(Resource):
    """`/api/tool-executions`."""

    def get(self, request: Request) -> HttpResponse:
        page = gate_selectors.listed_executions(self.asked, actor=self.actor)
        here = self.address(EXECUTIONS)
        return self.page("tool_executions", page, [row | {"url": f"{here}/{row['id']}"} for row in page.rows])


@endpoint(
    "Tools",
    of=EXECUTION_ID,
    get=Operation("get_tool_execution", "Show a call with its arguments, without secrets", {200: _DETAIL}),
)
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
