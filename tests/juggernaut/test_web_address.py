"""Where the web server listens."""

import pytest

from juggernaut.configuration import ConfigurationError
from juggernaut.web import bind_address
from tests.juggernaut.production import SAFE


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in ("JUGGERNAUT_BIND", "JUGGERNAUT_PORT", "JUGGERNAUT_PROFILE", "PORT"):
        monkeypatch.delenv(name, raising=False)


def in_production(monkeypatch):
    for name, value in SAFE.items():
        monkeypatch.setenv(name, value)


def test_the_local_profile_listens_on_loopback():
    address = bind_address.from_environment()

    assert address.bind == "127.0.0.1:8000"
    assert address.url == "http://localhost:8000"


def test_the_local_profile_refuses_another_address(monkeypatch):
    monkeypatch.setenv("JUGGERNAUT_BIND", "0.0.0.0")

    with pytest.raises(ConfigurationError, match="JUGGERNAUT_PROFILE=production"):
        bind_address.from_environment()


@pytest.mark.parametrize(
    ("host", "bind", "url"),
    [
        ("0.0.0.0", "0.0.0.0:8000", "http://localhost:8000"),
        ("::", "[::]:8000", "http://localhost:8000"),
        ("10.0.0.5", "10.0.0.5:8000", "http://10.0.0.5:8000"),
    ],
)
def test_production_listens_where_it_is_told(monkeypatch, host, bind, url):
    in_production(monkeypatch)
    monkeypatch.setenv("JUGGERNAUT_BIND", host)

    address = bind_address.from_environment()

    assert (address.bind, address.url) == (bind, url)


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "8000.5"])
def test_an_impossible_port_is_refused(monkeypatch, port):
    monkeypatch.setenv("JUGGERNAUT_PORT", port)

    with pytest.raises(ConfigurationError, match="from 1 to 65535"):
        bind_address.from_environment()


def test_a_platform_that_names_a_port_connects_from_outside(monkeypatch):
    in_production(monkeypatch)
    monkeypatch.setenv("PORT", "5000")

    assert bind_address.from_environment().bind == "0.0.0.0:5000"


def test_a_platforms_port_gives_way_to_our_own_and_to_bind(monkeypatch):
    in_production(monkeypatch)
    monkeypatch.setenv("PORT", "5000")
    monkeypatch.setenv("JUGGERNAUT_BIND", "10.0.0.5")
    assert bind_address.from_environment().bind == "10.0.0.5:5000"

    monkeypatch.delenv("JUGGERNAUT_BIND")
    monkeypatch.setenv("JUGGERNAUT_PORT", "6000")

    assert bind_address.from_environment().bind == "127.0.0.1:6000"


def test_the_local_profile_stays_on_loopback_whatever_port_a_platform_names(monkeypatch):
    monkeypatch.setenv("PORT", "5000")

    assert bind_address.from_environment().bind == "127.0.0.1:5000"
