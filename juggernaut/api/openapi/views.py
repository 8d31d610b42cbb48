"""`/api/schema`, and `/api/docs`: the same to be read and tried in a browser."""

from functools import lru_cache
from typing import Any, Literal
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from drf_spectacular.renderers import OpenApiYamlRenderer2
from drf_spectacular.views import SpectacularSwaggerSplitView
from pydantic import BaseModel, ConfigDict
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from governance import pagination
from juggernaut.api.openapi.declaration import Operation, endpoint
from juggernaut.api.openapi.operations import Generator
from juggernaut.api.resource import Resource, answer

YAML = "application/yaml"


class Format(BaseModel):
    """In which form."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["json", "yaml"] = "json"


@endpoint(
    "Schema",
    get=Operation(
        "get_schema",
        "Show this description of the API",
        {200: dict[str, Any]},
        filters=Format,
        also=(YAML,),
    ),
)
class SchemaView(Resource):
    """`/api/schema`, `?format=yaml`."""

    def get(self, request: Request) -> HttpResponse:
        chosen = pagination.parse_whole(Format, self.asked).format
        if chosen == "yaml":
            return HttpResponse(_yaml(), content_type=YAML)
        return answer(document())


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The description: the same for everybody while the process lives; making it takes a while."""
    made: dict[str, Any] = Generator().get_schema(request=None, public=True)
    return made


@lru_cache(maxsize=1)
def _yaml() -> bytes:
    rendered: bytes = OpenApiYamlRenderer2().render(document(), renderer_context={})
    return rendered


class DocsView(SpectacularSwaggerSplitView):
    """`/api/docs`: a page without a script of its own, since scripts run from files only. Whoever has not
    signed in is asked to, if this machine's address is not enough."""

    schema = None
    url = "/api/schema"
    template_name = "juggernaut/api_docs.html"
    permission_classes = Resource.permission_classes

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, NotAuthenticated):
            return HttpResponseRedirect(
                f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': self.request.path})}"
            )
        return super().handle_exception(exc)
