"""Which process opened a connection to this server, and whether it may speak for somebody else.

A proxy on this machine that adds no header sends requests that look as if a person here had made them. But
whoever forwards a request holds the connection on which it came in. The kernel's tables say which process
opened a connection of loopback, and which sockets that process has: a client such as `curl` has none that
listens and none that was accepted. What cannot be seen (a process of another user, unless this server is
root's) is not believed.
"""

import re
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from typing import NamedTuple

_PROCESSES = Path("/proc")
_NET = _PROCESSES / "self" / "net"
_LISTEN, _UDP_UNCONNECTED = b"0A", b"07"
_UNIX_LISTENS = 0x10000  # __SO_ACCEPTCON
# Local and remote end, state, inode; connections that are over (TIME_WAIT, 06) belong to no process.
_ROW = re.compile(rb"^ *\d+: (\S+) (\S+) (0[1-57-9A-F]) \S+ \S+ \S+ +\d+ +\d+ +(\d+)", re.MULTILINE)
_SOCKET = re.compile(r"socket:\[(\d+)\]")
# Processes that asked lately are looked at first: one that keeps asking is found at once.
_REMEMBERED = 32


class Connection(NamedTuple):
    """Both ends of a TCP connection, the client's first."""

    client: tuple[str, int]
    server: tuple[str, int]


class _Socket(NamedTuple):
    inode: int
    local: bytes
    remote: bytes
    state: bytes


def doubt(connection: Connection) -> str:
    """Why the connection's other end may not be who asks; empty if a client of this machine opened it."""
    try:
        tcp = [*_sockets("tcp"), *_sockets("tcp6")]
        inode = _inode(connection, tcp)
        if inode is None:
            return "the connection is not known to the kernel any more"
        found = _owner(inode)
        if found is None:
            return "the process that opened the connection cannot be seen from here"
        pid, held = found
        serving = _serving(tcp)
    except OSError as error:
        return f"the kernel does not say who asks: {error.strerror}"
    return f"process {pid} accepts connections itself, so it may be a proxy" if held & serving else ""


def _inode(connection: Connection, tcp: list[_Socket]) -> int | None:
    """The client's socket."""
    near, far = connection
    ends = set(zip(_written(*near), _written(*far), strict=True))
    return next((each.inode for each in tcp if (each.local, each.remote) in ends), None)


def _serving(tcp: list[_Socket]) -> set[int]:
    """The sockets of those who serve: they listen, or were accepted on a port on which somebody listens."""
    ports = {_port(each.local) for each in tcp if each.state == _LISTEN}
    of_tcp = {each.inode for each in tcp if each.state == _LISTEN or _port(each.local) in ports}
    udp = [*_sockets("udp"), *_sockets("udp6")]
    return of_tcp | {each.inode for each in udp if each.state == _UDP_UNCONNECTED} | set(_unix_listeners())


def _sockets(table: str) -> Iterator[_Socket]:
    """The rows of /proc/net/tcp and its like (proc_pid_net(5))."""
    try:
        rows = _read(table)
    except FileNotFoundError:  # a kernel without IPv6 has no such table
        return
    for local, remote, state, inode in _ROW.findall(rows):
        yield _Socket(int(inode), local, remote, state)


def _unix_listeners() -> Iterator[int]:
    for row in _read("unix").splitlines()[1:]:
        cells = row.split()
        if int(cells[3], 16) & _UNIX_LISTENS:
            yield int(cells[6])


def _read(table: str) -> bytes:
    return (_NET / table).read_bytes()


def _written(address: str, port: int) -> list[bytes]:
    """An address as the tables have it: 32-bit words in the machine's order. IPv4 is also written as IPv6."""
    parsed = ip_address(address)
    mapped = getattr(parsed, "ipv4_mapped", None)
    plain = mapped or parsed
    packed = [plain.packed, *([b"\0" * 10 + b"\xff\xff" + plain.packed] if plain.version == 4 else [])]
    return [_words(each) + b":%04X" % port for each in packed]


def _words(packed: bytes) -> bytes:
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return b"".join(b"%08X" % int.from_bytes(word, sys.byteorder) for word in words)


def _port(written: bytes) -> bytes:
    return written.rpartition(b":")[2]


_lately: OrderedDict[int, None] = OrderedDict()
_lock = Lock()


def _owner(inode: int) -> tuple[int, set[int]] | None:
    """The process that holds the socket, and all the sockets that it holds."""
    for pid in _candidates():
        held = _held(pid)
        if inode in held:
            _remember(pid)
            return pid, held
    return None


def _candidates() -> Iterator[int]:
    """The pids of this machine: those that asked lately, then the youngest first, as a new `curl` is."""
    with _lock:
        lately = list(_lately)
    yield from reversed(lately)
    pids = sorted((int(each.name) for each in _PROCESSES.iterdir() if each.name.isdecimal()), reverse=True)
    yield from (pid for pid in pids if pid not in lately)


def _held(pid: int) -> set[int]:
    """The inodes of a process's sockets; none if it has gone, or is not ours to look at."""
    held = set()
    # Gone meanwhile, or another user's.
    with suppress(FileNotFoundError, PermissionError, ProcessLookupError):
        for entry in (_PROCESSES / str(pid) / "fd").iterdir():
            with suppress(FileNotFoundError):
                if found := _SOCKET.fullmatch(str(entry.readlink())):
                    held.add(int(found[1]))
    return held


def _remember(pid: int) -> None:
    with _lock:
        _lately[pid] = None
        _lately.move_to_end(pid)
        while len(_lately) > _REMEMBERED:
            _lately.popitem(last=False)
