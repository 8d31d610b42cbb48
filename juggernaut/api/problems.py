"""Every error of the API as a problem document (RFC 9457, `application/problem+json`)."""

import logging
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.template import loader
from django.views import defaults
from rest_framework.exceptions import APIException, AuthenticationFailed, NotAuthenticated, Throttled
from rest_framework.views import set_rollback

from governance import errors
from governance.db import errors as db_errors
from governance.db import locks
from governance.tasks import registry as task_types
from juggernaut.api.resource import answer
from juggernaut.api.throttling import throttles
from juggernaut.api_tokens.services import TokenNotFound
from juggernaut.console import outage_page
from juggernaut.security import local_user
from monitoring.errors import AlertConflict, AlertNotFound, AlertRuleNotFound
from reliability.errors import BreakerNotFound, RedriveConflict, RedriveNotFound

SCHEMAS_TOLD = 3
HOST_NOT_ALLOWED = (
    "this host name is not allowed: JUGGERNAUT_ALLOWED_HOSTS names those that are, separated by commas"
)
LOCKED = "somebody else holds a lock on these rows (manage.py diagnose says who); try again in a moment"

logger = logging.getLogger(__name__)

_STATUS: dict[type[Exception], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.TaskNotFound: HTTPStatus.NOT_FOUND,
    errors.TransitionConflict: HTTPStatus.CONFLICT,
    errors.WorkerNotFound: HTTPStatus.NOT_FOUND,
    errors.DeadLetterNotFound: HTTPStatus.NOT_FOUND,
    errors.GroupNotFound: HTTPStatus.NOT_FOUND,
    errors.RateLimitNotFound: HTTPStatus.NOT_FOUND,
    errors.RetentionRuleNotFound: HTTPStatus.NOT_FOUND,
    errors.RecurringNotFound: HTTPStatus.NOT_FOUND,
    errors.DeadLetterConflict: HTTPStatus.CONFLICT,
    errors.PermissionNotFound: HTTPStatus.NOT_FOUND,
    errors.ApprovalNotFound: HTTPStatus.NOT_FOUND,
    errors.ApprovalConflict: HTTPStatus.CONFLICT,
    errors.BudgetNotFound: HTTPStatus.NOT_FOUND,
    errors.HoldNotFound: HTTPStatus.NOT_FOUND,
    errors.HoldConflict: HTTPStatus.CONFLICT,
    errors.PriceNotFound: HTTPStatus.NOT_FOUND,
    errors.ExecutionNotFound: HTTPStatus.NOT_FOUND,
    TokenNotFound: HTTPStatus.NOT_FOUND,
    BreakerNotFound: HTTPStatus.NOT_FOUND,
    RedriveNotFound: HTTPStatus.NOT_FOUND,
    RedriveConflict: HTTPStatus.CONFLICT,
    AlertNotFound: HTTPStatus.NOT_FOUND,
    AlertRuleNotFound: HTTPStatus.NOT_FOUND,
    AlertConflict: HTTPStatus.CONFLICT,
    errors.EmptyFilter: HTTPStatus.BAD_REQUEST,
    errors.IdempotencyMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
    Http404: HTTPStatus.NOT_FOUND,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    RequestDataTooBig: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    SuspiciousOperation: HTTPStatus.BAD_REQUEST,
}

_CONFLICTS = (
    errors.TransitionConflict,
    errors.DeadLetterConflict,
    errors.ApprovalConflict,
    errors.HoldConflict,
    RedriveConflict,
    AlertConflict,
)


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """DRF's exception handler. What nobody foresaw is logged with its traceback and told without it."""
    set_rollback()
    if isinstance(error, APIException):
        request = context.get("request")
        return _of_framework(_throttled(error, request), doubt=_doubt(error, request))
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return problem(status, str(error), **_facts(error))
    if locks.is_timeout(error):
        return _locked_for_api(error)
    if db_errors.is_unavailable(error):
        return _unavailable_for_api(error)
    request = context.get("request")
    logger.error("%s failed", _named(request), exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed at this request; its log says why")


def problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, **facts: Any
) -> HttpResponse:
    """A problem document; `facts` are extension members, e.g. `errors` or `found`."""
    status = HTTPStatus(status)
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return answer(
        document | facts, status=status.value, headers=headers, content_type="application/problem+json"
    )


def _throttled(error: APIException, request: Any) -> APIException:
    """Whoever has no valid credentials is told so, but not without end."""
    if request is not None and isinstance(error, NotAuthenticated | AuthenticationFailed):
        try:
            throttles.count_anonymous(request)
        except Throttled as too_many:
            return too_many
    return error


def _doubt(error: APIException, request: Any) -> str:
    """Why somebody who seems to be on this machine needs credentials nevertheless."""
    if request is None or not isinstance(error, NotAuthenticated):
        return ""
    doubt = request.META.get(local_user.DOUBTED, "")
    return f" {doubt[:1].upper()}{doubt[1:]}: use a token." if doubt else ""


def _of_framework(error: APIException, *, doubt: str = "") -> HttpResponse:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return problem(error.status_code, f"{error.detail}{doubt}", headers=headers)


def _facts(error: Exception) -> dict[str, Any]:
    if isinstance(error, errors.InvalidInput):
        return {"errors": [_field(found) for found in error.errors]} | _payload_schemas(error)
    if isinstance(error, _CONFLICTS):
        return {"found": error.found}
    if isinstance(error, errors.Forbidden):
        return {"permission": error.permission}
    return {}


def _payload_schemas(error: errors.InvalidInput) -> dict[str, Any]:
    """What was expected: a program that made a mistake can read there how to mend it."""
    names = error.payload_types[:SCHEMAS_TOLD] if isinstance(error, errors.InvalidSubmission) else ()
    schemas = {name: task_types.get(name).schema.model_json_schema() for name in names}
    return {"payload_schemas": schemas} if schemas else {}


def _field(error: errors.FieldError) -> dict[str, object]:
    place = {} if error.index is None else {"index": error.index}
    return {**place, "field": error.field, "message": error.message}


def _named(request: Any) -> str:
    return f"{request.method} {request.path}" if request else "a request"


# What fails before or outside of a view of the API. Console addresses keep Django's own pages.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_api(request):
        said = HOST_NOT_ALLOWED if isinstance(exception, DisallowedHost) else ""
        if said or isinstance(exception, BadRequest):
            page = loader.render_to_string("400.html", {"said": said or str(exception)})
            return HttpResponse(page, status=HTTPStatus.BAD_REQUEST)
        return defaults.bad_request(request, exception)
    if isinstance(exception, DisallowedHost):
        return problem(HTTPStatus.BAD_REQUEST, HOST_NOT_ALLOWED)
    too_big = isinstance(exception, RequestDataTooBig)
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_big else HTTPStatus.BAD_REQUEST
    return problem(status, "the request could not be read")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not _is_api(request):
        return defaults.page_not_found(request, exception)
    return problem(HTTPStatus.NOT_FOUND, f"there is nothing at {request.path}")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles the error. An unavailable database is 503, in words."""
    error = sys.exc_info()[1]
    if error and locks.is_timeout(error):
        return _locked(request, error)
    if error and db_errors.is_unavailable(error):
        return _unavailable(request, error)
    if not _is_api(request):
        return outage_page.page(request) if outage_page.is_away() else defaults.server_error(request)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the server failed at this request; its log says why")


def _unavailable(request: HttpRequest, error: BaseException) -> HttpResponse:
    if _is_api(request):
        return _unavailable_for_api(error)
    _note_unavailable(error)
    page = loader.render_to_string("503.html", {"said": db_errors.headline(error)})
    return HttpResponse(page, status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "1"})


def _note_unavailable(error: BaseException) -> None:
    """One line in the log; the next request may find a server that can be written."""
    logger.error("%s", db_errors.describe(error))
    if db_errors.wants_new_connection(error) and not connection.in_atomic_block:
        connection.close()


def _unavailable_for_api(error: BaseException) -> HttpResponse:
    _note_unavailable(error)
    detail = f"{db_errors.headline(error)}; try again in a moment"
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"})


def _locked(request: HttpRequest, error: BaseException) -> HttpResponse:
    if _is_api(request):
        return _locked_for_api(error)
    logger.warning("%s", db_errors.describe_if_unavailable(error))
    page = loader.render_to_string("503_locked.html")
    return HttpResponse(page, status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "1"})


def _locked_for_api(error: BaseException) -> HttpResponse:
    """Nothing was changed: the statement gave up before it did anything."""
    logger.warning("%s", db_errors.describe_if_unavailable(error))
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, LOCKED, headers={"Retry-After": "1"})


def _is_api(request: HttpRequest) -> bool:
    return request.path == "/api" or request.path.startswith("/api/")
