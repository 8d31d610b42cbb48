"""A mail server on loopback that keeps what it is sent, or refuses."""

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any


@dataclass
class Mailbox:
    """`refuses` is answered to RCPT instead of 250."""

    port: int = 0
    messages: list[Message] = field(default_factory=list)
    refuses: str = ""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        link, client = super().get_request()
        return (self.tls.wrap_socket(link, server_side=True) if self.tls else link), client


@contextmanager
def receiving(*, tls: ssl.SSLContext | None = None) -> Iterator[Mailbox]:
    """With `tls`, each connection begins with it, as on port 465."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 here")
            while line := self.rfile.readline():
                word = line[:4].strip().upper()
                if word == b"DATA":
                    self._take()
                elif word == b"QUIT":
                    return self._say("221 bye")
                else:
                    self._say(box.refuses if word == b"RCPT" and box.refuses else "250 fine")
            return None

        def _take(self) -> None:
            self._say("354 go on")
            lines = iter(self.rfile.readline, b".\r\n")
            box.messages.append(message_from_bytes(b"".join(lines)))
            self._say("250 taken")

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with _Server(("127.0.0.1", 0), Handler) as server:
        server.tls = tls
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
