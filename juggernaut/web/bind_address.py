"""Where the web server listens: loopback in the local profile, what the operator says in production."""

import os
import socket
from typing import NamedTuple

from juggernaut import configuration
from juggernaut.embedded import ports


class WebAddressError(ValueError):
    """The address that the settings name cannot be used now; the text says what to change."""


class WebAddress(NamedTuple):
    """A host to bind to, and a port."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What to type in a browser on this machine."""
        local = self.host in {ports.LOOPBACK, "0.0.0.0", "::"}  # noqa: S104 (told apart, not bound)
        host = "localhost" if local else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def accepts(self) -> bool:
        """Whether somebody listens there now."""
        try:
            socket.create_connection((self.host, self.port), timeout=0.5).close()
        except OSError:
            return False
        return True

    @property
    def bind(self) -> str:
        """As gunicorn takes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def from_environment() -> WebAddress:
    """The address by `JUGGERNAUT_BIND` and `JUGGERNAUT_PORT`, or by a platform's `PORT`.

    Raises `ConfigurationError`.
    """
    found = configuration.current()
    return WebAddress(found.bind or _default_host(found), found.port)


def _default_host(found: configuration.Configuration) -> str:
    """Loopback; but a platform that names a `PORT` connects from outside (gunicorn does the same)."""
    is_of_platform = "PORT" in os.environ and "JUGGERNAUT_PORT" not in os.environ
    return "0.0.0.0" if is_of_platform and not found.is_local else ports.LOOPBACK  # noqa: S104


def require_free(address: WebAddress) -> None:
    """Raise `WebAddressError` if another process listens there, or we may not."""
    if not ports.is_free(address.port, host=address.host):
        raise WebAddressError(
            f"port {address.port} on {address.host} is taken: "
            f"choose another with --port {address.port + 1} or JUGGERNAUT_PORT={address.port + 1}"
        )
