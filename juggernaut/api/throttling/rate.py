"""So many requests in so many seconds."""

import math
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured

MICROSECONDS = 1_000_000
MOST_REQUESTS, LONGEST_SECONDS = 1_000_000, 86_400


class Rate(NamedTuple):
    """`requests` at once, and as many again within `seconds`."""

    requests: int
    seconds: int

    @classmethod
    def parse(cls, text: str, *, name: str) -> "Rate":
        """`600/60`; raises `ImproperlyConfigured`, which names the variable."""
        requests, _, seconds = text.partition("/")
        if not (_is_whole(requests, MOST_REQUESTS) and _is_whole(seconds, LONGEST_SECONDS)):
            raise ImproperlyConfigured(
                f"{name} is {text!r}; expected REQUESTS/SECONDS such as 600/60 "
                f"(at most {MOST_REQUESTS} requests, {LONGEST_SECONDS} seconds)"
            )
        return cls(int(requests), int(seconds))


class Taken(NamedTuple):
    """What became of a request: whether it was counted, how many more are left now, and after how many
    seconds there is room for one, and for all."""

    is_counted: bool
    left: int
    wait_seconds: float
    full_seconds: float

    def headers(self, policy: str, rate: Rate) -> dict[str, str]:
        """As the IETF's draft (draft-ietf-httpapi-ratelimit-headers) says it."""
        return {
            "RateLimit-Policy": f'"{policy}";q={rate.requests};w={rate.seconds}',
            "RateLimit": f'"{policy}";r={self.left};t={math.ceil(self.full_seconds)}',
        }


def _is_whole(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text[:12]) <= most
