"""`/api/tools`: what workers can call, with the schema of the arguments."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from juggernaut.api.openapi.declaration import Operation, endpoint, many, record
from juggernaut.api.resource import Resource, answer
from workers import tools
from workers.tools.registry import Effect, Tool

_TOOL = record(
    "Tool",
    "Something that workers may call; `arguments_schema` is a JSON schema.",
    name=str,
    description=str,
    effect=Effect,
    seconds=float,
    arguments_schema=dict[str, Any],
)


@endpoint(
    "Tools",
    get=Operation("list_tools", "List what workers can call", {200: record("Tools", tools=many(_TOOL))}),
)
class Tools(Resource):
    """`/api/tools`."""

    def get(self, request: Request) -> HttpResponse:
        return answer({"tools": [_described(tool) for tool in tools.known()]})


def _described(tool: Tool) -> dict[str, Any]:
    told = tool.describe()
    return {
        "name": told["name"],
        "description": told["description"],
        "effect": tool.effect,
        "seconds": tool.seconds,
        "arguments_schema": told["parameters"],
    }
