"""HTTP to the world outside, for tools: public addresses only, everything bounded."""

from gateway.http.addresses import Blocked
from gateway.http.fetching import AnsweredFailure, Reply, fetch
from gateway.http.requests import HttpRequest, host_key

__all__ = ["AnsweredFailure", "Blocked", "HttpRequest", "Reply", "fetch", "host_key"]
