"""Where the web server listens."""

import pytest

from juggernaut import web_address
from juggernaut.web_address import WebAddressError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("JUGGERNAUT_BIND", "JUGGERNAUT_PORT", "JUGGERNAUT_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def test_the_local_profile_listens_on_loopback():
    address = web_address.from_environment()

    assert address.bind == "127.0.0.1:8000"
    assert address.url == "http://localhost:8000"


def test_the_local_profile_refuses_another_address(monkeypatch):
    monkeypatch.setenv("JUGGERNAUT_BIND", "0.0.0.0")

    with pytest.raises(WebAddressError, match="JUGGERNAUT_PROFILE=production"):
        web_address.from_environment()


@pytest.mark.parametrize(
    ("host", "bind", "url"),
    [
        ("0.0.0.0", "0.0.0.0:8000", "http://localhost:8000"),
        ("::", "[::]:8000", "http://localhost:8000"),
        ("10.0.0.5", "10.0.0.5:8000", "http://10.0.0.5:8000"),
    ],
)
def test_production_listens_where_it_is_told(monkeypatch, host, bind, url):
    monkeypatch.setenv("JUGGERNAUT_PROFILE", "production")
    monkeypatch.setenv("JUGGERNAUT_BIND", host)

    address = web_address.from_environment()

    assert (address.bind, address.url) == (bind, url)


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "8000.5"])
def test_an_impossible_port_is_refused(monkeypatch, port):
    monkeypatch.setenv("JUGGERNAUT_PORT", port)

    with pytest.raises(WebAddressError, match="from 1 to 65535"):
        web_address.from_environment()
