"""HTTP to the world outside, for tools: public addresses only, everything bounded."""

from workers.outbound.addresses import Blocked
from workers.outbound.fetching import Reply, fetch
from workers.outbound.requests import HttpRequest, host_key

__all__ = ["Blocked", "HttpRequest", "Reply", "fetch", "host_key"]
