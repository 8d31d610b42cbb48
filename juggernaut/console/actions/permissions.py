"""Permissions of admin pages: Django asks `has_<verb>_permission`; a page names them here."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

Check = Callable[[Any, HttpRequest, object], bool]


class PermissionMixin:
    """A page whose actions declare verbs: `needs = {"cancel": "governance.cancel_task"}`.

    It decides what is shown and which address answers. The service asks again.
    """

    needs: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for verb, permission in vars(cls).get("needs", {}).items():
            setattr(cls, f"has_{verb}_permission", _holds(permission))


def _holds(permission: str) -> Check:
    def check(page: Any, request: HttpRequest, row: object = None) -> bool:
        return bool(request.user.has_perm(permission))

    return check
