"""A web server on loopback that answers what a test tells it to, and keeps what it was asked."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Site:
    """`answers` maps a path to what it answers: status, headers, body, or a function that writes to the
    handler itself."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def on(self, path: str, body: bytes | str = b"", status: int = 200, **headers: str) -> str:
        """Answer this at the path; returns its URL. Header names: `content_type` is `content-type`."""
        raw = body.encode() if isinstance(body, str) else body
        named = {"content-type": "text/plain"} | {n.replace("_", "-"): v for n, v in headers.items()}
        self.answers[path] = (status, named, raw)
        return self.url(path)

    def does(self, path: str, work: Callable[[BaseHTTPRequestHandler], None]) -> str:
        self.answers[path] = work
        return self.url(path)


@contextlib.contextmanager
def serving() -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.asked.append(Asked(self.command, self.path, headers, body))
            answer = site.answers.get(self.path, (404, {"content-type": "text/plain"}, b"nothing here"))
            if callable(answer):
                with contextlib.suppress(ConnectionError):
                    answer(self)
                return
            status, named, raw = answer
            self.send_response(status)
            for name, value in named.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(raw)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
