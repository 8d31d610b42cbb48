"""No proxy of the environment is asked for an address of loopback, which would be its own."""

import ast
import http.server
import threading

import pytest

from juggernaut.environment import ROOT
from juggernaut.management.commands import play_demo

CODE = ("juggernaut", "governance", "reliability", "gateway", "workers", "monitoring", "core", "benchmarks")
CLIENTS = {"AsyncClient", "Client", "HTTPTransport", "AsyncHTTPTransport"}


def careless(source):
    """Every use of a client of HTTP that would obey `HTTP_PROXY`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            is_client = called.startswith("httpx") and called.rpartition(".")[2] in CLIENTS
            if called.endswith("urlopen") or (is_client and options.get("trust_env") != "False"):
                yield called


def test_no_client_of_the_product_obeys_the_environment():
    paths = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]

    assert [(path, found) for path in paths for found in careless(path.read_text())] == []


@pytest.mark.parametrize(
    "source", ["urllib.request.urlopen(x)", "httpx2.AsyncClient()", "httpx2.Client(trust_env=True)"]
)
def test_that_check_sees_them(source):
    assert list(careless(source))


def test_the_check_of_a_container_asks_no_proxy():
    text = (ROOT / "compose.yaml").read_text()

    assert "urlopen" not in text
    assert "ProxyHandler({})" in text


def test_the_demonstration_reaches_its_provider_whatever_the_environment_says(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    try:
        with pytest.raises(OSError, match="Unsupported method"):
            play_demo._DIRECT.open(f"http://127.0.0.1:{server.server_port}/", timeout=10)
    finally:
        thread.join()
        server.server_close()
