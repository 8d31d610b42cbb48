"""Bodies that end too early, are counted wrongly or are compressed: an error that says so, never 500."""

import gzip
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from governance.models import Task
from tests.governance import samples
from tests.governance.api_client import Api, make_user, token_of

BODY = json.dumps(samples.EVALUATION).encode()
BROKEN_CHUNKS = {
    "end too early": b'ff\r\n{"a"',
    "no end": b"%x\r\n%s\r\n" % (len(BODY), BODY),
    "nothing": b"",
    "no number": b"zz\r\nabc\r\n0\r\n\r\n",
    "a number below 0": b"-1\r\nabc\r\n0\r\n\r\n",
    "a number beyond 64 bits": b"F" * 18 + b"\r\nabc",
    "a line without end": b"1" * 9_000,
    "no line break": b"3\r\nabcXX0\r\n\r\n",
    "a wrong trailer": b"3\r\nabc\r\n0\r\nfoo bar\r\n\r\n",
}


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "made up", "gzip, identity"])
def test_a_coding_that_nobody_unpacks_is_refused(operator: Api, coding: str):
    answer = operator.post("tasks", gzip.compress(BODY), Content_Encoding=coding)

    assert answer.status_code == 415
    assert f"Content-Encoding: {coding} is not supported" in answer.json()["detail"]


def test_no_coding_may_be_named(operator: Api):
    assert operator.post("tasks", BODY, Content_Encoding="identity").status_code == 201


@pytest.mark.slow
def test_the_web_server_answers_what_breaks_off(web_server: str):
    token = token_of(make_user("client", "add_task"))

    for what, chunks in BROKEN_CHUNKS.items():
        status, answer = _send(web_server, token, "Transfer-Encoding: chunked", chunks)

        assert status == 400, what
        assert answer["errors"][0]["field"] == "body", what
        assert "could not be read to its end" in answer["detail"], what
    status, answer = _send(web_server, token, f"Content-Length: {len(BODY) + 1}", BODY)
    assert (status, f"after {len(BODY)} of {len(BODY) + 1} bytes" in answer["detail"]) == (400, True)
    status, answer = _send(web_server, token, "Transfer-Encoding: gzip, chunked", b"0\r\n\r\n")
    assert (status, "Transfer-Encoding: gzip, chunked is not supported" in answer["detail"]) == (415, True)
    assert not Task.objects.exists()
    whole = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    assert _send(web_server, token, "Transfer-Encoding: chunked", whole)[0] == 201


def _send(server: str, token: str, header: str, body: bytes) -> tuple[int, Any]:
    """Send these bytes and say no more; returns the status and the document."""
    where = urlsplit(server)
    head = (
        f"POST /api/tasks HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: {token}\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\n{header}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        raw = b"".join(iter(lambda: connection.recv(65536), b""))
    head_read, _, document = raw.partition(b"\r\n\r\n")
    return int(head_read.split()[1]), json.loads(document)
