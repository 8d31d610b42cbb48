"""Tools reach public addresses only, however the address is written and whatever a name resolves to."""

import asyncio
import ipaddress
import socket
from unittest.mock import patch

import httpcore2
import pytest

from gateway.http import addresses, connecting
from reliability.failures import PermanentFailure, TransientFailure
from tests.door import running_as
from tests.tools.calls import call, last
from workers import tools
from workers.tools.registry import InvalidArguments

PRIVATE = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.88.99.1",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "fe80::1", "fc00::1", "fd12:3456::1",
    "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1", "fec0::1",
    "100::1", "3fff::1", "5f00::1", "fe80::1%eth0",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001:82a::200e"]


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_public_is_known(text):
    assert not addresses.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_known(text):
    assert addresses.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.0.1", "0",
        "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "[fe80::1%25lo]", "127.0.0.1.",
        "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1",
    ],
)  # fmt: skip
def test_no_way_of_writing_this_machine_leads_to_it(context, site, settings, monkeypatch, host):
    settings.JUGGERNAUT_HTTP_PRIVATE_HOSTS = []
    monkeypatch.setattr(addresses, "PORTS", {site.port})

    with pytest.raises((PermanentFailure, TransientFailure)) as refused:
        call(context, "http.get", url=f"http://{host}:{site.port}/")

    assert not site.asked
    assert (
        "no public address" in str(refused.value)
        or "cannot be resolved" in str(refused.value)
        or ("cannot be used" in str(refused.value) or isinstance(refused.value, InvalidArguments))
    ), refused.value


def test_the_refusal_says_how_an_operator_allows_it_and_is_recorded(context):
    with pytest.raises(PermanentFailure, match=r"127\.0\.0\.1.*JUGGERNAUT_HTTP_PRIVATE_HOSTS"):
        call(context, "http.get", url="http://127.0.0.1/")

    assert (last().status, last().service) == ("failed", "127.0.0.1")


@pytest.mark.parametrize("port", [22, 25, 5432, 6379, 11211, 65535])
def test_a_port_that_is_not_the_webs_is_refused(context, port):
    with pytest.raises(PermanentFailure, match="80, 443, 8080, 8443"):
        call(context, "http.get", url=f"http://8.8.8.8:{port}/")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", "http://"),
        ("ftp://example.com/", "http://"),
        ("gopher://example.com/", "http://"),
        ("javascript:alert(1)", "http://"),
        ("//example.com/", "http://"),
        ("example.com", "http://"),
        ("http://", "host"),
        ("http:///path", "host"),
        ("http://ann:pw@example.com/", "user and password"),
        ("http://example.com@127.0.0.1/", "user and password"),
        ("http://127.0.0.1\\@example.com/", "backslashes"),
        ("http://example.com/\r\nHost: evil", "control"),
        ("http://exa mple.com/", "blanks"),
        ("http://example.com:99999/", "ort"),
        ("http://example.com:abc/", "ort"),
        ("http://[::1/", "IPv6"),
        ("http://" + "a" * 2000 + ".com/", "2000"),
    ],
)
def test_a_url_that_could_be_read_two_ways_is_refused(url, said):
    with pytest.raises(InvalidArguments, match=said):
        tools.get("http.get").parse({"url": url})


def test_a_name_with_one_private_address_among_public_ones_is_refused(context):
    async def both(host, port, **kwargs):
        return [(socket.AF_INET, 1, 6, "", (ip, port)) for ip in ("93.184.216.34", "10.0.0.1")]

    lookup = patch.object(asyncio.BaseEventLoop, "getaddrinfo", lambda self, *a, **k: both(*a, **k))
    with lookup, pytest.raises(PermanentFailure, match=r"10\.0\.0\.1"):
        call(context, "http.get", url="http://mixed.example/")


def test_a_name_is_resolved_once_and_that_address_is_connected_to(context, site, settings):
    """DNS rebinding: the second answer of the name would be another one; nobody asks for it."""
    settings.JUGGERNAUT_HTTP_PRIVATE_HOSTS = [f"rebind.example:{site.port}"]
    site.on("/", "hello")
    answers = iter(["127.0.0.1", "10.0.0.1"])
    real = asyncio.BaseEventLoop.getaddrinfo

    async def lookup(loop, host, port, **kwargs):
        if host != "rebind.example":
            return await real(loop, host, port, **kwargs)
        return [(socket.AF_INET, 1, 6, "", (next(answers), port))]

    with patch.object(asyncio.BaseEventLoop, "getaddrinfo", lookup):
        answer = call(context, "http.get", url=f"http://rebind.example:{site.port}/")

    assert answer["body"] == "hello"
    assert site.asked[0].headers["host"] == f"rebind.example:{site.port}"
    assert next(answers) == "10.0.0.1"


def test_whoever_is_at_the_other_end_must_be_who_was_checked():
    class Elsewhere(httpcore2.AsyncNetworkStream):
        def get_extra_info(self, name):
            return ("10.0.0.1", 80)

    with pytest.raises(addresses.Blocked, match=r"10\.0\.0\.1"):
        connecting._verify(Elsewhere(), "a.example", 80, "93.184.216.34")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["http://127.0.0.2:{port}/secret", "http://169.254.169.254/latest/meta-data/"])
def test_a_redirect_to_a_private_address_is_not_followed(context, site, status, to):
    url = site.on("/", status=status, location=to.format(port=site.port))

    with pytest.raises(PermanentFailure, match=r"no public address|not allowed"):
        call(context, "http.get", url=url)

    assert [asked.path for asked in site.asked] == ["/"]


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "ftp://a.example/", "http://ann:pw@127.0.0.1/", "gopher://x", "http://["]
)
def test_a_redirect_to_what_may_not_be_asked_for_is_not_followed(context, site, to):
    url = site.on("/", status=302, location=to)

    with pytest.raises(PermanentFailure, match="cannot be followed"):
        call(context, "http.get", url=url)


def test_a_listed_host_is_listed_with_its_port(context, site, settings):
    settings.JUGGERNAUT_HTTP_PRIVATE_HOSTS = [f"127.0.0.1:{site.port + 1}", "127.0.0.1"]

    with pytest.raises(PermanentFailure, match="not allowed"):
        call(context, "http.get", url=site.url())


def test_proxies_of_the_environment_are_not_used(site, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.on("/", "straight")

    assert call(running_as("ANALYST"), "http.get", url=site.url())["body"] == "straight"
