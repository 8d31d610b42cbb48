"""Rate limits that every process shares: at most so many calls in any span of so many seconds.

    taken = rate_limits.take("http.request", "example.com")     # raises RateLimited
    rate_limits.give_back(taken)                                # the call was not made after all

The limits are rows (`governance.access.rate_limits`), the calls are counted in Redis, on Redis's clock, under
all limits of a call at once or under none. While Redis is away each process counts its own.
"""

from reliability.rate_limits.windows import Taken, give_back, look, take

__all__ = ["Taken", "give_back", "look", "take"]
