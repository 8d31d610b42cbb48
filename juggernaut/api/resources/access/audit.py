"""`/api/audit`: who changed what of governance, why, and how it stood before and after."""

from django.http import HttpResponse
from rest_framework.request import Request

from governance.audit import selectors as audit_selectors
from governance.models import AuditEntry
from juggernaut.api.columns import columns
from juggernaut.api.openapi.declaration import Operation, endpoint, page
from juggernaut.api.resource import Resource

_ENTRY = columns("AuditEntry", AuditEntry, audit_selectors.ENTRY)


@endpoint(
    "Audit",
    get=Operation(
        "list_audit_entries",
        "List who changed what, newest first",
        {200: page("entries", _ENTRY)},
        filters=audit_selectors.AuditFilter,
        is_paged=True,
    ),
)
class Audit(Resource):
    """`/api/audit`."""

    def get(self, request: Request) -> HttpResponse:
        found = audit_selectors.listed(self.asked, actor=self.actor)
        return self.page("entries", found, found.rows)
