"""The tabs of a section, and where a page stands in it."""

from typing import Any

from django import template
from django.template import Context

from juggernaut.console import navigation

register = template.Library()


@register.inclusion_tag("juggernaut/tabs.html", takes_context=True)
def section_tabs(context: Context) -> dict[str, Any]:
    """The pages beside this one."""
    request = context.get("request")
    return {"tabs": navigation.tabs(request) if request and request.user.is_authenticated else []}


@register.inclusion_tag("juggernaut/crumbs.html", takes_context=True)
def section_crumbs(context: Context) -> dict[str, Any]:
    """The way from the section to this page."""
    request = context.get("request")
    return {"crumbs": navigation.crumbs(request) if request and request.user.is_authenticated else []}


@register.simple_tag(takes_context=True)
def page_heading(context: Context) -> str:
    """What the page is called in the navigation, if it stands there."""
    request = context.get("request")
    return navigation.heading(request.path) if request else ""
