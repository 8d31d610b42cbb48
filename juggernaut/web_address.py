"""Where the web server listens: loopback in the local profile, what the operator says in production."""

import os
import socket
from typing import NamedTuple

from juggernaut import profile
from juggernaut.embedded import ports

DEFAULT_PORT = 8000


class WebAddressError(ValueError):
    """The address that the environment asks for cannot be used; the text says what to change."""


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
    """The address by `JUGGERNAUT_BIND` (production only) and `JUGGERNAUT_PORT`. Raises `WebAddressError`."""
    host = os.environ.get("JUGGERNAUT_BIND") or ports.LOOPBACK
    if host != ports.LOOPBACK and profile.name() != "production":
        raise WebAddressError(
            f"JUGGERNAUT_BIND is {host}, but the local profile listens on {ports.LOOPBACK} alone, "
            "because it asks nobody for a token: set JUGGERNAUT_PROFILE=production, or unset it"
        )
    return WebAddress(host, _port(os.environ.get("JUGGERNAUT_PORT") or str(DEFAULT_PORT)))


def require_free(address: WebAddress) -> None:
    """Raise `WebAddressError` if another process listens there, or we may not."""
    if not ports.is_free(address.port, host=address.host):
        raise WebAddressError(
            f"port {address.port} on {address.host} is taken: "
            f"choose another with --port {address.port + 1} or JUGGERNAUT_PORT={address.port + 1}"
        )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise WebAddressError(f"the port is {text!r}; expected a number from 1 to 65535")
    return int(text)
