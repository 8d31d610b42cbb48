"""URLs that a terminal still holds of servers that were ours and have stopped.

The runbook restarts the system from the terminal that asks the database, and there `make env` has
named our own servers. Taken as somebody else's, they would be waited for instead of started.
Whoever asks holds the lock of `var/`, so that no other system can be running them.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from juggernaut.database import endpoints
from juggernaut.embedded import ports


def without_stale_urls(named: Mapping[str, str], *, var_dir: Path, redis_port: int | None) -> dict[str, str]:
    """`DATABASE_URL` and `REDIS_URL` of `named`, without those that are ours.

    `redis_port` is where our Redis listened last. Raises `PermissionError` if the password is another
    user's.
    """
    urls = {name: named[name] for name in ("DATABASE_URL", "REDIS_URL") if named.get(name)}
    is_database_ours = _has_our_password(urls.get("DATABASE_URL", ""), var_dir / "postgres_password")
    if is_database_ours:
        del urls["DATABASE_URL"]
    was_redis_ours = urls.get("REDIS_URL") == f"redis://{ports.LOOPBACK}:{redis_port}/0"
    # Redis has no password to be known by: what answers there beside a foreign database is foreign, too.
    if redis_port and was_redis_ours and (is_database_ours or ports.is_free(redis_port)):
        del urls["REDIS_URL"]
    if urls.get("REDIS_URL") == endpoints.NO_REDIS:
        del urls["REDIS_URL"]
    return urls


def _has_our_password(url: str, path: Path) -> bool:
    """Whether the URL holds the password that was made here; the port may have changed since."""
    return bool(url) and path.exists() and urlsplit(url).password == path.read_text().strip()
