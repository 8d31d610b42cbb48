"""Which process opened a connection: a client is believed, whoever serves others is not."""

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from juggernaut.security import peers
from juggernaut.security.peers import Connection

pytestmark = pytest.mark.slow

CLIENT = """
import socket, sys
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
link.recv(1)
"""
# Connects through a socket of IPv6, as Java does.
MAPPED = """
import socket, sys
link = socket.socket(socket.AF_INET6)
link.connect(("::ffff:127.0.0.1", int(sys.argv[1])))
link.recv(1)
"""
PROXY = """
import socket, sys
front = socket.create_server(("127.0.0.1", 0))
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
link.recv(1)
"""
# As `socat … ,fork` does: the process that forwards does not listen, it only holds what was accepted.
FORKED = """
import os, socket, sys
front = socket.create_server(("127.0.0.1", 0))
outside = socket.create_connection(front.getsockname())
accepted, _ = front.accept()
if os.fork() == 0:
    front.close(); outside.close()
    link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    link.recv(1)
else:
    accepted.close()
    os.wait()
"""
UNIX = """
import os, socket, sys, tempfile
front = socket.socket(socket.AF_UNIX)
front.bind(os.path.join(tempfile.mkdtemp(), "front"))
front.listen()
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
link.recv(1)
"""
DATAGRAMS = """
import socket, sys
front = socket.socket(type=socket.SOCK_DGRAM)
front.bind(("127.0.0.1", 0))
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
link.recv(1)
"""


@pytest.fixture
def connected():
    """Run a program that connects to us; gives both ends of the connection while it waits."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.settimeout(30)

        def connect(program: str) -> Connection:
            child = subprocess.Popen([sys.executable, "-c", program, str(listener.getsockname()[1])])
            stack.callback(child.wait)
            link, client = listener.accept()
            stack.callback(link.close)
            return Connection(client, link.getsockname())

        yield connect


@pytest.mark.parametrize("program", [CLIENT, MAPPED])
def test_a_client_of_this_machine_is_believed(connected, program):
    assert peers.doubt(connected(program)) == ""


@pytest.mark.parametrize("program", [PROXY, FORKED, UNIX, DATAGRAMS])
def test_whoever_serves_others_may_be_a_proxy(connected, program):
    assert "accepts connections itself, so it may be a proxy" in peers.doubt(connected(program))


def test_a_process_is_looked_at_anew_for_each_connection(connected):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = socket.create_connection(listener.getsockname())
        link, client = listener.accept()
        with here, link:
            assert f"process {os.getpid()} accepts" in peers.doubt(Connection(client, link.getsockname()))

    assert peers.doubt(connected(CLIENT)) == ""


def test_a_connection_that_is_over_is_not_believed():
    found = peers.doubt(Connection(("127.0.0.1", 1), ("127.0.0.1", 2)))

    assert found == "the connection is not known to the kernel any more"


def test_a_process_that_cannot_be_seen_is_not_believed(connected, monkeypatch):
    connection = connected(CLIENT)
    monkeypatch.setattr(peers, "_held", lambda pid: set())

    assert peers.doubt(connection) == "the process that opened the connection cannot be seen from here"


def test_a_kernel_that_does_not_say_is_not_believed(connected, monkeypatch, tmp_path):
    connection = connected(CLIENT)
    monkeypatch.setattr(peers, "_NET", tmp_path)

    assert peers.doubt(connection) != ""


def test_addresses_are_written_as_the_kernel_has_them():
    assert peers._written("127.0.0.1", 8000) == [
        b"0100007F:1F40",
        b"0000000000000000FFFF00000100007F:1F40",
    ]
    assert peers._written("::1", 80) == [b"00000000000000000000000001000000:0050"]
