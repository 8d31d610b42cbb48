"""`/api/tools`: what workers can call, with the schema of the arguments."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.api.resource import Resource, answer
from workers import tools
from workers.tools.registry import Tool


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
