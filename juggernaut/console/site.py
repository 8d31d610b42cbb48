"""The console as Django's admin site: Unfold's, with changes on its own pages recorded as made by who is
logged in, and no page asked for what no row can hold."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import BadRequest
from django.core.validators import MaxLengthValidator
from django.http import Http404, HttpRequest, HttpResponse
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from governance.access import actors
from governance.audit import log as audit

MAX_PASSWORD = 4096

View = Callable[..., Any]


class SignInForm(AuthenticationForm):
    """Django's form, whose length of names is only the browser's to keep: the log of failed sign-ins, which
    counts them, takes no longer ones."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest: int = self.fields["username"].max_length
        self.fields["username"].validators.append(MaxLengthValidator(longest))
        self.fields["password"].validators.append(MaxLengthValidator(MAX_PASSWORD))


class ConsoleSite(UnfoldAdminSite):
    login_form = SignInForm

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Django's wrapper of every page, around which addresses with U+0000 are refused."""
        shown: View = super().admin_view(view, cacheable)

        @wraps(shown)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if any("\x00" in str(value) for value in (*args, *kwargs.values())):
                raise Http404("no address contains the character U+0000")
            _refuse_null(request)
            return shown(request, *args, **kwargs)

        return answer

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page on which people change their own."""
        with audit.acting(actors.from_user(request.user), verb="password"):
            answer: HttpResponse = super().password_change(request, extra_context)
        return answer


def _refuse_null(request: HttpRequest) -> None:
    """Raise `BadRequest`, which names the filter: PostgreSQL holds no U+0000, and drivers fail at it. What
    forms send, their fields refuse."""
    for name, values in request.GET.lists():
        if "\x00" in "".join((name, *values)):
            shown = name.replace("\x00", "\N{REPLACEMENT CHARACTER}")
            raise BadRequest(f"{shown} in the address contains the character U+0000")
