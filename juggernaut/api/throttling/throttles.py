"""The API's throttle, and the one for whoever has no valid credentials."""

from typing import Any

from django.conf import settings
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from juggernaut.api.throttling import buckets
from juggernaut.api.throttling.rate import Taken
from juggernaut.security import client_address


class ClientThrottle(BaseThrottle):
    """Every client has a bucket of its own: all tokens of one name, a person's sessions, this machine."""

    taken: Taken

    def allow_request(self, request: Request, view: Any) -> bool:
        """`view` is a `Resource`; a page that only shows the API is not counted."""
        if not hasattr(view, "actor"):
            return True
        rate = settings.JUGGERNAUT_API_RATE
        self.taken = buckets.of_process().take(view.actor.name, rate)
        view.answer_headers |= self.taken.headers("client", rate)
        return self.taken.is_counted

    def wait(self) -> float:
        return max(self.taken.wait_seconds, 1.0)


def count_anonymous(request: Request) -> None:
    """A request without valid credentials, such as a guess at a token: counted by its address.

    Raises `Throttled`. Whoever has valid credentials is never kept out by what others guess.
    """
    taken = buckets.of_process().take(
        f"stranger:{client_address.of(request)}", settings.JUGGERNAUT_API_ANONYMOUS_RATE
    )
    if not taken.is_counted:
        raise Throttled(wait=max(taken.wait_seconds, 1.0))
