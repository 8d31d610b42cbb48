"""Django's settings of PostgreSQL, from `DATABASE_URL` and `DATABASE_URL_DIRECT`.

What a URL says in its query (`sslmode`, `options`, `application_name`, …) is kept; ours are only defaults.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import dj_database_url
import psycopg2
from django.core.exceptions import ImproperlyConfigured
from psycopg2.extensions import make_dsn

from governance.db.pooler import Pooler
from juggernaut.configuration import Configuration

URL, DIRECT, POOLER = "DATABASE_URL", "DATABASE_URL_DIRECT", "JUGGERNAUT_POOLER"
ENGINE = "django.db.backends.postgresql"

_DEFAULTS = {
    "connect_timeout": 3,
    # A peer that has vanished, not said goodbye, is given up after 20 s; the kernel would take 15 minutes.
    "tcp_user_timeout": 20_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
}
# libpq takes 0 and less as "wait without limit"; then a server that is silent stops whoever connects.
_CONNECT_SECONDS = range(1, 601)


def settings(url: str, *, process: str, name: str = URL) -> dict[str, Any]:
    """An entry of `DATABASES`. Raises `ImproperlyConfigured`, which names `name` and never shows the URL."""
    try:
        parsed: dict[str, Any] = dict(
            dj_database_url.parse(
                url,
                conn_max_age=600,
                conn_health_checks=True,
                # A cursor on the server outlives its transaction, which a connection pooler does not allow.
                disable_server_side_cursors=True,
            )
        )
    except (dj_database_url.ParseError, dj_database_url.UnknownSchemeError) as error:
        raise ImproperlyConfigured(f"{name} is not a URL of a database: {_FORM}") from error
    if parsed["ENGINE"] != ENGINE:
        raise ImproperlyConfigured(f"{name} names a database of another kind: {_FORM}")
    said = dict(parsed.get("OPTIONS", {}))
    _check(said | _empty(url), name=name)
    parsed["OPTIONS"] = _DEFAULTS | {"application_name": process} | said
    return parsed


_FORM = "expected postgresql://USER:PASSWORD@HOST:PORT/NAME"


def _check(said: Mapping[str, Any], *, name: str) -> None:
    """Refuse parameters that libpq does not know, or that would make the system wait without limit."""
    for parameter, value in said.items():
        if value == "":
            raise ImproperlyConfigured(f"{name} gives {parameter} no value")
        if isinstance(value, list):
            raise ImproperlyConfigured(f"{name} gives {parameter} {len(value)} times; expected once")
    try:
        make_dsn(None, **said)
    except psycopg2.ProgrammingError as unknown:
        reason = " ".join(str(unknown).split())
        raise ImproperlyConfigured(f"{name} has a parameter that libpq refuses: {reason}") from unknown
    seconds = said.get("connect_timeout", 1)
    if not isinstance(seconds, int) or seconds not in _CONNECT_SECONDS:
        raise ImproperlyConfigured(
            f"connect_timeout in {name} is {seconds!r}; expected whole seconds from {_CONNECT_SECONDS[0]} to"
            f" {_CONNECT_SECONDS[-1]}"
        )


def _empty(url: str) -> dict[str, str]:
    """The parameters without a value, which the parser leaves out."""
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    return {parameter: value for parameter, value in pairs if not value}


def configured(found: Configuration) -> dict[str, str]:
    """What the settings say of the database, by variable."""
    return {
        URL: found.database_url.get_secret_value(),
        DIRECT: found.database_url_direct.get_secret_value(),
        POOLER: found.pooler,
    }


def direct(environment: Mapping[str, str], *, process: str) -> dict[str, Any] | None:
    """The settings of the connection around the pooler, if there is one. Raises `ImproperlyConfigured`."""
    url = environment.get(DIRECT)
    if not url:
        return None
    if not environment.get(URL):
        raise ImproperlyConfigured(
            f"{DIRECT} is set and {URL} is not: {DIRECT} names the server behind the pooler that {URL} names"
        )
    return settings(url, process=process, name=DIRECT)


def pooler(environment: Mapping[str, str]) -> Pooler:
    """What `JUGGERNAUT_POOLER` says. Raises `ImproperlyConfigured`."""
    value = environment.get(POOLER) or Pooler.AUTO
    try:
        return Pooler(value)
    except ValueError:
        known = ", ".join(Pooler)
        raise ImproperlyConfigured(f"{POOLER} is {value!r}; expected one of: {known}") from None
