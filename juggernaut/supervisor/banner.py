"""The few lines that say, once all is up, what is where."""

import shlex
from collections.abc import Sequence

from juggernaut import logs, profile
from juggernaut.database import driver
from juggernaut.embedded import EmbeddedServers
from juggernaut.environment import ROOT
from juggernaut.supervisor import parts
from juggernaut.web.bind_address import WebAddress

WITHOUT_REDIS = (
    "no redis-server or valkey-server was found, so there is no Redis: circuit breakers and rate limits "
    "count in each process alone, and /health says degraded. Install one and start again"
)


def text(*, address: WebAddress | None, servers: EmbeddedServers, pooled: str = "") -> str:
    """The banner; without an address it says only what a machine without a web server has.

    `pooled` says what a connection pooler before PostgreSQL changes, if there is one.
    """
    rows = [*_web_rows(address), ("Log", str(logs.log_file(ROOT))), *_server_rows(servers)]
    if pooled:
        rows.append(("Pooler", pooled))
    rows.append(("Database driver", driver.describe()))
    if servers.has_any:
        command = shlex.join([parts.interpreter(), str(ROOT / "manage.py"), "env"])
        rows.append(("Second terminal", f'eval "$({command})"'))
    rows.append(("Stop", "Ctrl-C, or kill -TERM of this process"))
    lines = [f"  {name:<16} {value}" for name, value in rows]
    notices = [profile.notice()] if address and profile.notice() else []
    if servers.is_without_redis:
        notices.append(WITHOUT_REDIS)
    notes = [line for notice in notices for line in ("", f"  NOTE: {notice}.")]
    return "\n".join(["", f"Juggernaut is running ({profile.name()} profile).", "", *lines, *notes, "", ""])


def not_ready(missing: Sequence[str]) -> str:
    """Return what the terminal says instead while the machine cannot do its work."""
    command = shlex.join([parts.interpreter(), str(ROOT / "manage.py"), "diagnose"])
    rows = [("Log", str(logs.log_file(ROOT))), ("Diagnosis", command)]
    lines = [f"  {name:<16} {value}" for name, value in rows]
    reasons = [f"  - {reason}" for reason in missing]
    return "\n".join(["", "Juggernaut is NOT ready. It keeps trying.", "", *reasons, "", *lines, "", ""])


def _web_rows(address: WebAddress | None) -> list[tuple[str, str]]:
    if address is None:
        return []
    return [
        ("Console", f"{address.url}/admin/"),
        ("API", f"{address.url}/api/"),
        ("Health", f"{address.url}/health"),
    ]


def _server_rows(servers: EmbeddedServers) -> list[tuple[str, str]]:
    """Where each embedded server keeps its data; one that the environment names is not ours to show."""
    ours = [server for server in (servers.postgres, servers.redis) if server is not None]
    return [(server.name, f"embedded, port {server.port}, log {server.log_path}") for server in ours]
