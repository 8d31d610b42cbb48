"""`/api/diagnosis`: every diagnostic step of the runbook, with what was found and what mends it."""

from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpResponse
from pydantic import BaseModel, Field
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from governance import pagination
from governance.errors import FieldError, InvalidFilter
from juggernaut.api.openapi.declaration import Operation, endpoint, many, record
from juggernaut.api.resource import Resource, answer
from monitoring import diagnosis
from monitoring.health import report as health

PERMISSION = "governance.view_worker"

_SEVERITY: Any = Literal["ok", "notice", "warning", "critical"]
_CALL = record("RemedyCall", "A request of the API.", method=str, path=str, body=dict[str, Any])
_BUTTON = record(
    "RemedyButton",
    "A page of the console that asks before it acts; with `fields`, reached by a POST of them.",
    label=str, address=str, permission=str, fields=dict[str, str],
)  # fmt: skip
_REMEDY = record("Remedy", says=str, command=str, api=_CALL | None, button=_BUTTON | None)
_FINDING = record(
    "Finding", severity=_SEVERITY, said=str, evidence=list[str], explanation=str, remedies=many(_REMEDY)
)
_SECTION = record("DiagnosisSection", severity=_SEVERITY, findings=many(_FINDING))
_DIAGNOSIS = record("Diagnosis", severity=_SEVERITY, sections=dict[str, _SECTION])  # type: ignore[valid-type]


class Sections(BaseModel):
    """Which to look at."""

    section: Annotated[
        list[str], Field(description="Names of sections, or `all`; all if none is named.")
    ] = []


class DatabaseAway(APIException):
    """Who asks cannot be looked up."""

    status_code = 503
    wait = 1


@endpoint(
    "Diagnosis",
    get=Operation(
        "get_diagnosis",
        "Carry out the diagnostic steps of the runbook",
        {200: _DIAGNOSIS},
        filters=Sections,
        refuses=(400, 503),
        text="Ends within 5 s. 503 while the database is away, because nobody can be looked up then.",
    ),
)
class Diagnosis(Resource):
    """`?section=` names one or more, by comma or by repeating; without it, all are looked at.

    It answers while the database is away, too, to whoever needs no database to be known: this machine in the
    local profile. Others get a problem document that says so, within a second.
    """

    def perform_authentication(self, request: Request) -> None:
        if _is_named(request):
            database = health.report()["database"]
            if database["status"] == health.DOWN:
                said = f"{database['detail']}; nobody can be looked up. manage.py diagnose works all the same"
                raise DatabaseAway(said)
        super().perform_authentication(request)

    def get(self, request: Request) -> HttpResponse:
        self.actor.require(PERMISSION)
        pagination.refuse_unknown(self.asked, known=["section"])
        try:
            found = diagnosis.run(pagination.split(self.asked.get("section", [])))
        except diagnosis.UnknownSection as unknown:
            raise InvalidFilter([FieldError("section", str(unknown))]) from None
        return answer(diagnosis.as_json(found))


def _is_named(request: Request) -> bool:
    """Whether the request brings a token or a session, which only the database can tell the owner of."""
    return "HTTP_AUTHORIZATION" in request.META or settings.SESSION_COOKIE_NAME in request.COOKIES
