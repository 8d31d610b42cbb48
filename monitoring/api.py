"""`/api/diagnosis`: every diagnostic step of the runbook, with what was found and what mends it."""

from django.conf import settings
from django.http import HttpResponse
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from governance import paging
from governance.api.resource import Resource, answer
from governance.errors import FieldError, InvalidFilter
from monitoring import diagnosis, health

PERMISSION = "governance.view_worker"


class DatabaseAway(APIException):
    """Who asks cannot be looked up."""

    status_code = 503
    wait = 1


class Diagnosis(Resource):
    """`?section=` names one or more, by comma or by repeating; without it, all are looked at.

    It answers while the database is away, too, to whoever needs no database to be known: this machine in the
    local profile. Others get a problem document that says so, within a second.
    """

    def perform_authentication(self, request: Request) -> None:
        if _is_named(request):
            is_ready, detail = health.is_ready()
            if not is_ready:
                raise DatabaseAway(
                    f"{detail}; nobody can be looked up. manage.py diagnose works all the same"
                )
        super().perform_authentication(request)

    def get(self, request: Request) -> HttpResponse:
        self.actor.require(PERMISSION)
        paging.refuse_unknown(self.asked, known=["section"])
        try:
            found = diagnosis.run(paging.split(self.asked.get("section", [])))
        except diagnosis.UnknownSection as unknown:
            raise InvalidFilter([FieldError("section", str(unknown))]) from None
        return answer(diagnosis.as_json(found))


def _is_named(request: Request) -> bool:
    """Whether the request brings a token or a session, which only the database can tell the owner of."""
    return "HTTP_AUTHORIZATION" in request.META or settings.SESSION_COOKIE_NAME in request.COOKIES
