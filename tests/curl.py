"""Requests as the runbook makes them: by `curl`, a process that accepts no connections.

A test's own process does (pytest's plugins listen, and so do the sites that tests set up), and the local
profile takes such a process for a proxy: it would need a token.
"""

import json
import subprocess
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, body: object = None, *, timeout: float = 30) -> Answer:
    """What answers a GET of the address, or a POST if there is a body; `ConnectionError` if nothing does."""
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", f"{timeout}"]
    command += ["--write-out", "\n%{http_code}", url]
    if body is not None:
        command += ["--header", "Content-Type: application/json", "--data-binary", "@-"]
    sent = None if body is None else json.dumps(body).encode()
    done = subprocess.run(command, input=sent, capture_output=True, check=False)
    if done.returncode:
        raise ConnectionError(done.stderr.decode().strip())
    content, _, status = done.stdout.rpartition(b"\n")
    return Answer(int(status), content)
