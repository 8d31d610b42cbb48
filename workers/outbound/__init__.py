"""HTTP to the world outside, for tools: public addresses only, everything bounded."""

from workers.outbound.addresses import Blocked
from workers.outbound.fetching import AnsweredFailure, Reply, fetch
from workers.outbound.requests import HttpRequest, host_key

__all__ = ["AnsweredFailure", "Blocked", "HttpRequest", "Reply", "fetch", "host_key"]
