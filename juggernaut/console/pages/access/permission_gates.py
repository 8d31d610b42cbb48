"""The page of a permission, with what reliability adds to it: what each gate would say of a call now."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from governance.models import ToolPermission
from juggernaut.console.pages.access.permissions import PermissionAdmin
from reliability.calls import explain

_NOW = ("May such a call be made now?", {"fields": ("gates",)})

admin.site.unregister(ToolPermission)


@admin.register(ToolPermission)
class PermissionWithGatesAdmin(PermissionAdmin):
    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_fieldsets(request, obj), _NOW]

    @display(description="Gates")
    def gates(self, row: ToolPermission) -> SafeString:
        if row.tool_name.endswith(".*"):
            asking = f"manage.py why {row.worker_id} {row.tool_name[:-1]}…"
            return format_html("It covers many tools; of one of them tells <code>{}</code>", asking)
        found = explain.call(row.worker_id, row.tool_name)
        lines = (("yes" if one.lets_through else "no", one.gate, one.rule) for one in found)
        return format_html("<ul>{}</ul>", format_html_join("", "<li><strong>{}</strong> {}: {}</li>", lines))
