"""Loopback ports of the embedded servers: the same one at every start, if it is free."""

import socket

LOOPBACK = "127.0.0.1"


def is_free(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do: connections of a predecessor that linger do not make the port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose(preferred: int) -> int:
    """The preferred port if it is free, else one that the kernel picks."""
    if is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
