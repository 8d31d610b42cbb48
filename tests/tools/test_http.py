"""What a request may carry, what of its answer is kept, and what an answer means."""

import gzip
import select
import zlib

import pytest

from gateway.http import requests
from reliability.breakers.models import CircuitBreaker
from reliability.failures import PermanentFailure, Postponed, TransientFailure
from tests.tools.calls import call, last
from workers import tools
from workers.tools import http_hosts
from workers.tools.registry import InvalidArguments

pytestmark = pytest.mark.slow


def test_a_request_is_answered_with_status_headers_and_text(context, site):
    url = site.on("/a", '{"n": 1}', content_type="application/json", x_made="yes", set_cookie="sid=secret")

    answer = call(
        context, "http.request", url=url, method="POST", headers={"X-Mine": "1"}, json_body={"a": [1, None]}
    )

    assert (answer["status"], answer["body"], answer["truncated"]) == (200, '{"n": 1}', False)
    assert answer["headers"]["x-made"] == "yes"
    assert "set-cookie" not in answer["headers"]
    [asked] = site.asked
    assert (asked.method, asked.body, asked.headers["x-mine"]) == ("POST", b'{"a":[1,null]}', "1")
    assert asked.headers["content-type"] == "application/json"
    assert last().status == "succeeded"


def test_secrets_of_a_request_are_not_kept(context, site):
    site.on("/?api_key=abcdef123456", "ok")

    call(
        context,
        "http.request",
        url=site.url("/?api_key=abcdef123456"),
        headers={"Authorization": "Bearer abcdef0123456789"},
    )

    assert site.asked[0].headers["authorization"] == "Bearer abcdef0123456789"
    assert "abcdef" not in str(last().arguments)


def test_a_status_of_4xx_is_an_answer(context, site):
    answer = call(context, "http.get", url=site.url("/absent"))

    assert (answer["status"], answer["body"]) == (404, "nothing here")


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_a_status_of_5xx_counts_against_the_host_and_is_tried_again(context, site, status):
    url = site.on("/", status=status, retry_after="7")

    with pytest.raises(TransientFailure, match=f"answered {status}") as failure:
        call(context, "http.get", url=url)

    assert failure.value.retry_after.total_seconds() == 7
    assert failure.value.service == f"127.0.0.1:{site.port}"
    assert last().status == "failed"


def test_a_host_that_fails_again_and_again_is_not_asked_any_more_and_others_are(context, site):
    ill = site.on("/", status=500)
    site.on("/well", "well")

    for _ in range(5):
        with pytest.raises(TransientFailure):
            call(context, "http.get", url=ill)
    with pytest.raises(Postponed):
        call(context, "http.get", url=ill)

    assert call(context, "http.get", url=site.url("/well", host="localhost"))["body"] == "well"
    assert len([asked for asked in site.asked if asked.path == "/"]) == 5


def test_429_parks_the_task_until_the_host_may_be_asked_again(context, site):
    url = site.on("/", status=429, retry_after="30")

    with pytest.raises(Postponed) as postponed:
        call(context, "http.get", url=url)

    assert postponed.value.wait.name == f"http:127.0.0.1:{site.port}"
    assert postponed.value.wait.until is not None


@pytest.mark.parametrize("said", ["", "soon", "-5", "9" * 400, "Mon, 99 Foo 2020 00:00:00 GMT"])
def test_a_retry_after_that_nobody_understands_is_ignored_or_bounded(context, site, said):
    url = site.on("/", status=503, retry_after=said)

    with pytest.raises(TransientFailure) as failure:
        call(context, "http.get", url=url)

    assert failure.value.retry_after is None or failure.value.retry_after.days <= 7


def test_a_long_answer_is_cut(context, site):
    answer = call(context, "http.get", url=site.on("/", "x" * 5_000), max_bytes=1_000)

    assert (len(answer["body"]), answer["truncated"]) == (1_000, True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_an_answer_that_unfolds_to_far_more_is_cut_too(context, site, encoding):
    """A hundred megabytes of zeros in a hundred kilobytes."""
    packed = gzip.compress(bytes(10**8), 9) if encoding == "gzip" else zlib.compress(bytes(10**8), 9)

    answer = call(context, "http.get", url=site.on("/", packed, content_encoding=encoding), max_bytes=2_000)

    assert (len(answer["body"]), answer["truncated"]) == (2_000, True)


def test_an_encoding_within_an_encoding_is_not_unfolded(context, site):
    packed = gzip.compress(gzip.compress(bytes(10**6)))

    answer = call(context, "http.get", url=site.on("/", packed, content_encoding="gzip, gzip"))

    assert (answer["body"], answer["left_out"]) == ("", "its encoding 'gzip, gzip' is none of gzip, deflate")


def test_an_answer_that_never_ends_is_cut(context, site):
    def endless(handler):
        handler.send_response(200)
        handler.send_header("content-type", "text/plain")
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65_536)

    answer = call(context, "http.get", url=site.does("/", endless))

    assert answer["truncated"]


def has_hung_up(handler, *, within):
    """Whether the client did, in these seconds: its end of the connection can be read then."""
    readable, _, _ = select.select([handler.connection], [], [], within)
    return bool(readable)


def test_an_answer_that_trickles_ends_in_time(context, site):
    def trickle(handler):
        handler.send_response(200)
        handler.send_header("content-type", "text/plain")
        handler.end_headers()
        while not has_hung_up(handler, within=0.05):
            handler.wfile.write(b"x")

    with pytest.raises(TransientFailure, match=r"no answer from .* within 0\.5 s"):
        call(context, "http.get", url=site.does("/", trickle), seconds=0.5)


@pytest.mark.parametrize(
    ("kind", "is_kept"),
    [
        ("text/html; charset=utf-8", True), ("application/json", True), ("application/problem+json", True),
        ("image/svg+xml", True), ("", True), ("image/png", False), ("application/octet-stream", False),
        ("application/zip", False), ("video/mp4", False), ("multipart/mixed", False),
    ],
)  # fmt: skip
def test_only_text_is_kept(context, site, kind, is_kept):
    answer = call(context, "http.get", url=site.on("/", "<p>text", content_type=kind))

    assert answer["body"] == ("<p>text" if is_kept else "")
    assert ("left_out" in answer) is not is_kept


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"gr\xfc\xdfe", "text/plain; charset=iso-8859-1", "grüße"),
        (b"a\x00b\xff", "text/plain", "a��b�".replace("��", "�")),
        (b"UEsD", "text/plain; charset=base64", "UEsD"),
        (b"abc", "text/plain; charset=unicode_escape", "abc"),
        (b"abc", "text/plain; charset=\x7f", "abc"),
    ],
)
def test_text_is_decoded_to_what_can_be_kept(context, site, body, kind, text):
    assert call(context, "http.get", url=site.on("/", body, content_type=kind))["body"] == text


def test_a_redirect_is_followed_and_the_last_address_is_told(context, site):
    site.on("/b", "here")
    answer = call(context, "http.get", url=site.on("/a", status=302, location="/b"))

    assert (answer["body"], answer["url"]) == ("here", site.url("/b"))


def test_redirects_are_bounded(context, site):
    url = site.on("/", status=302, location="/")

    with pytest.raises(PermanentFailure, match="more than 3 times"):
        call(context, "http.get", url=url, max_redirects=3)

    assert len(site.asked) == 4


def test_what_the_caller_set_does_not_go_to_another_host(context, site):
    site.on("/b", "here")
    url = site.on("/a", status=302, location=site.url("/b", host="localhost"))

    call(context, "http.get", url=url, headers={"Authorization": "Bearer x", "X-Key": "k", "Accept": "a/b"})

    there = site.asked[1].headers
    assert ("authorization" in there, "x-key" in there, there["accept"]) == (False, False, "a/b")
    assert site.asked[0].headers["x-key"] == "k"


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_a_body_goes_along_only_where_the_redirect_keeps_it(context, site, status, method):
    site.on("/b", "here")
    url = site.on("/a", status=status, location="/b")

    call(context, "http.request", url=url, method="POST", body="secret words")

    assert (site.asked[1].method, site.asked[1].body) == (
        method,
        b"secret words" if method == "POST" else b"",
    )


def test_a_body_is_not_sent_on_to_another_host(context, site):
    url = site.on("/a", status=307, location=site.url("/b", host="localhost"))

    answer = call(context, "http.request", url=url, method="POST", body="secret words")

    assert answer["status"] == 307
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Host": "evil"}, "may not be set"),
        ({"Content-Length": "5"}, "may not be set"),
        ({"transfer-encoding": "chunked"}, "may not be set"),
        ({"Connection": "close"}, "may not be set"),
        ({"TE": "trailers"}, "may not be set"),
        ({"Upgrade": "h2c"}, "may not be set"),
        ({"Proxy-Authorization": "x"}, "may not be set"),
        ({"X-Forwarded-For": "127.0.0.1"}, "may not be set"),
        ({"X-A": "b\r\nHost: evil"}, "one line"),
        ({"X-A": "b\nc"}, "one line"),
        ({"X-A": "b\x00"}, "one line"),
        ({"X-A": "☃"}, "Latin-1"),
        ({"X-A": "b" * 5000}, "4096"),
        ({"X A": "b"}, "not the name"),
        ({"X-A\r\nB": "b"}, "not the name"),
        ({"": "b"}, "not the name"),
        ({f"X-{n}": "b" for n in range(31)}, "30"),
    ],
)
def test_a_header_that_could_smuggle_is_refused(headers, said):
    with pytest.raises(InvalidArguments, match=said):
        tools.get("http.get").parse({"url": "http://example.com/", "headers": headers})


@pytest.mark.parametrize(
    "arguments",
    [
        {"method": "TRACE"}, {"method": "CONNECT"}, {"method": "get"}, {"method": "GET\r\n"},
        {"method": "GET", "body": "x"}, {"method": "POST", "body": "x", "json_body": {}},
        {"method": "POST", "body": "x" * 300_000}, {"seconds": 0}, {"seconds": 3_600},
        {"seconds": float("nan")}, {"max_bytes": 10**9}, {"max_bytes": -1}, {"max_redirects": 100},
        {"verify": False}, {"proxy": "http://x"},
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused(arguments):
    with pytest.raises(InvalidArguments):
        tools.get("http.request").parse({"url": "http://example.com/"} | arguments)


def test_reading_is_another_tool_than_changing():
    with pytest.raises(InvalidArguments, match="method"):
        tools.get("http.get").parse({"url": "http://example.com/", "method": "POST"})


def test_nobody_there_is_a_failure_that_may_pass(context, site, settings):
    settings.JUGGERNAUT_HTTP_PRIVATE_HOSTS = ["127.0.0.1:1", "nowhere.invalid:1"]

    with pytest.raises(TransientFailure, match="cannot be reached"):
        call(context, "http.get", url="http://127.0.0.1:1/")
    with pytest.raises(TransientFailure, match="cannot be resolved"):
        call(context, "http.get", url="http://nowhere.invalid:1/")


def test_an_answer_that_is_no_http_is_a_failure_that_may_pass(context, site):
    def nonsense(handler):
        handler.wfile.write(b"\x00\x01\x02 nonsense\r\n\r\n")

    with pytest.raises(TransientFailure, match="cannot be reached"):
        call(context, "http.get", url=site.does("/", nonsense))


def test_a_packed_answer_that_is_broken_is_a_failure_that_may_pass(context, site):
    with pytest.raises(TransientFailure):
        call(context, "http.get", url=site.on("/", b"not packed", content_encoding="gzip"))


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://Example.COM/", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("http://example.com:8080/", "example.com:8080"),
        ("https://example.com./", "example.com"),
        ("http://[2606:4700::1]:8080/", "[2606:4700::1]:8080"),
    ],
)
def test_a_host_has_one_name(url, key):
    assert requests.host_key(url) == key


@pytest.mark.usefixtures("behind_the_door")
def test_hosts_beyond_so_many_share_breakers(monkeypatch):
    monkeypatch.setattr(http_hosts, "MAX_HOSTS", 2)
    for name in ("a.example", "b.example"):
        CircuitBreaker.objects.create(name=http_hosts.breaker_of(name))

    assert http_hosts.breaker_of("a.example") == "http:a.example"
    assert http_hosts.breaker_of("c.example").startswith("http:shared-")
    assert len(http_hosts.breaker_of("x" * 300)) < 100
