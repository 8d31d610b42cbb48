"""Entry points: every URL, every action of the console, every command."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

# The only address whose pattern names the apps; which ones, is no matter of ours.
_APPS = "app_list"


@dataclass(frozen=True)
class Address:
    """An address as `urls.py` writes it, its name, and what answers there."""

    route: str
    name: str
    view: Any

    @property
    def is_api(self) -> bool:
        """Whether Django REST framework answers, with a permission class."""
        return hasattr(self.view, "cls")

    @property
    def methods(self) -> list[str]:
        """What a view of the API answers beside HEAD and OPTIONS."""
        names = ("get", "post", "put", "patch", "delete")
        return [name.upper() for name in names if hasattr(self.view.cls, name)]


def addresses() -> list[Address]:
    """Every address, in the order in which Django tries them."""
    return list(_below(get_resolver(), ""))


def actions(request: Any) -> Iterator[tuple[str, str]]:
    """Every action that the console offers to whoever asks: its name and its model."""
    for model, pages in admin.site._registry.items():  # noqa: SLF001 (there is no other way to it)
        for name in pages.get_actions(request):
            yield name, model._meta.label_lower  # noqa: SLF001 (Django's documented interface)


def models() -> list[str]:
    """Every model that the console has pages of, as `governance.task`."""
    return [model._meta.label_lower for model in admin.site._registry]  # noqa: SLF001


def commands() -> list[str]:
    return sorted(get_commands())


def _below(resolver: URLResolver, prefix: str) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        route = f"{prefix}{pattern.pattern}".replace("^", "")
        if isinstance(pattern, URLResolver):
            yield from _below(pattern, route)
        elif isinstance(pattern, URLPattern):
            name = pattern.name or ""
            yield Address(f"{prefix}APP/" if name == _APPS else route, name, pattern.callback)
