"""PostgreSQL and Redis of the local profile and of the tests, under `var/`.

PostgreSQL comes from a wheel, Redis from the machine (`redis-server` or `valkey-server`).

`running(var_dir)` starts whatever `DATABASE_URL` and `REDIS_URL` do not name already, and stops it.
"""

from juggernaut.embedded.errors import EmbeddedServerError
from juggernaut.embedded.postgres import PostgreSQL
from juggernaut.embedded.redis import Redis
from juggernaut.embedded.servers import EmbeddedServers, running

__all__ = ["EmbeddedServerError", "EmbeddedServers", "PostgreSQL", "Redis", "running"]
