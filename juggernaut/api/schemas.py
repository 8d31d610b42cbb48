"""Base of request bodies, read strictly: an unknown field is an error that names it."""

from typing import Annotated, Any, TypeVar

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rest_framework.request import Request

from governance.errors import InvalidInput
from governance.tasks import schemas
from governance.tasks.schemas import Text
from juggernaut.api import bodies


class ClosedModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReasonRequired(ClosedModel):
    reason: Annotated[Text, Field(max_length=1000)] = ""


class ReasonOptional(ClosedModel):
    """Somebody is to read it later, so it has to say something."""

    reason: Annotated[Text, Field(min_length=1, max_length=1000)]


Asked = TypeVar("Asked", bound=ClosedModel)


def read(request: Request, shape: type[Asked]) -> Asked:
    """The body in this shape; no body is an empty one where nothing is required. Raises `InvalidInput`."""
    is_optional = not any(field.is_required() for field in shape.model_fields.values())
    body: dict[str, Any] = {}
    if not (is_optional and bodies.is_empty(request)):
        body = bodies.read_object(request, limit=settings.MAX_TASK_BODY_BYTES)
    try:
        return shape.model_validate(body)
    except ValidationError as invalid:
        raise InvalidInput(schemas.field_errors(invalid)) from None
