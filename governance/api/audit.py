"""`/api/audit`: who changed what of the law, why, and how it stood before and after."""

from django.http import HttpResponse
from rest_framework.request import Request

from governance import audit_selectors
from governance.api.columns import columns
from governance.api.description import Operation, describe, page
from governance.api.resource import Resource
from governance.models import AuditEntry

_ENTRY = columns("AuditEntry", AuditEntry, audit_selectors.ENTRY)


@describe(
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
