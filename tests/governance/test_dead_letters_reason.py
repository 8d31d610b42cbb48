"""What makes two errors alike: the parts that vary from one occurrence to the next are taken out."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

# The database must be done with any text in this time, in milliseconds; it usually takes one.
WORST_CASE_MS = 1000

EXAMPLES = [
    # identifiers
    ("task 0190d1a2-aaaa-7bbb-8ccc-ddddeeeeffff is gone", "task <id> is gone"),
    ("task 0190D1A2-AAAA-7BBB-8CCC-DDDDEEEEFFFF is gone", "task <id> is gone"),
    ("object at 0x7f3a2c91d0 died", "object at <id> died"),
    ("commit deadbeef1234 unknown", "commit <id> unknown"),
    ("request req_a8F3kd92LLm failed", "request <id> failed"),
    ("digest d41d8cd98f00b204e9800998ecf8427e differs", "digest <id> differs"),
    # numbers, with and without units
    ("took 31.5s of 30s", "took <n>s of <n>s"),
    ("1,234.5 of -7 left, 50%", "<n> of <n> left, <n>%"),
    ("pallets [1, 2, 3]", "pallets [<n> …]"),
    ("pallets [1, 2]", "pallets [<n> …]"),
    ("line 12, column 7", "line <n>, column <n>"),
    # status codes and names tell failures apart
    ("HTTP 503 from upstream", "HTTP 503 from upstream"),
    ("HTTP/1.1 503 from upstream", "HTTP/<n> 503 from upstream"),
    ("status code 429", "status code 429"),
    ("status_code=502", "status_code=502"),
    ("statusCode: 502", "statusCode: 502"),
    ("Error code: 401 - wrong key", "Error code: 401 - wrong key"),
    ("[Errno 111] Connection refused", "[Errno 111] Connection refused"),
    ("errno = 5", "errno = 5"),
    ("Client error '404 Not Found' for url 'https://a.b/7'",
     "Client error HTTP 404 Not Found for url <text>"),
    ("Server error '503 Service Unavailable' for url 'https://a.b/7'",
     "Server error HTTP 503 Service Unavailable for url <text>"),
    ("gpt-4o and gpt-4.1-mini refuse", "gpt-4o and gpt-4.1-mini refuse"),
    ("needs v1.2 of utf8", "needs v1.2 of utf8"),
    # times
    ("at 2026-11-24T03:18:22.123+00:00", "at <time>"),
    ("at 2026-11-24 03:18:22,123", "at <time>"),
    ("since 2026-11-24", "since <time>"),
    ("at 03:18", "at <time>"),
    ("at 2026-11-24T03:18:22Z, again", "at <time>, again"),
    # addresses
    ("connection to 10.0.0.5:5432 refused", "connection to <address> refused"),
    ("connection to [::1]:5432 refused", "connection to <address> refused"),
    ("connection to fe80::1 refused", "connection to <address> refused"),
    ("no mail to ann.b+c@example.co.uk", "no mail to <address>"),
    ("GET https://api.example.com/v1/x?id=7#y failed", "GET <url> failed"),
    ("postgresql://u:p@h:5432/d is down", "<url> is down"),
    # quoted text
    ('unknown column "pallet_7"', "unknown column <text>"),
    ("unknown key 'pallet' in `x`", "unknown key <text> in <text>"),
    ("can't open 'a b', it's locked", "can't open <text>, it's locked"),
    ("KeyError: 'a'", "KeyError: <text>"),
    ("said \"it's 'so'\"", "said <text>"),
    # space
    ("  two\n\tlines \r\n", "two lines"),
    ("", ""),
    # what is no English
    ("日本語 ☃ \U0001f600", "日本語 ☃ \U0001f600"),
    ("Größe 7 zu groß", "Größe <n> zu groß"),
    ("\x01\x7f", "\x01\x7f"),
    ("<n> <id>", "<n> <id>"),
    ("\\d+ (?=x) %s $1 \\1 &", "\\d+ (?=x) %s $<n> \\<n> &"),
]  # fmt: skip


def reason(error):
    with connection.cursor() as cursor:
        cursor.execute("SELECT failure_reason(%s)", [error])
        return cursor.fetchone()[0]


@pytest.mark.parametrize(("error", "expected"), EXAMPLES)
def test_an_error_becomes(error, expected):
    assert reason(error) == expected


@pytest.mark.parametrize("expected", sorted({expected for _, expected in EXAMPLES}))
def test_a_reason_is_its_own_reason(expected):
    assert reason(expected) == expected


VARIANTS = [
    "order {n} of {id} at {time}: 'pallet {n}' is gone",
    'unexpected body: "{long}"',
    "unexpected body: '{long}'",
    "{ids}",
    "{ids}are gone",
    "no such pallets: {ids}",
]
OCCURRENCES = [
    {"n": 7, "id": "0190d1a2-aaaa-7bbb-8ccc-ddddeeeeffff", "time": "03:18",
     "long": "7a b " * 900,
     "ids": "0190d1a2-aaaa-7bbb-8ccc-ddddeeeeffff " * 90},
    {"n": -12.5, "id": "a190d1a2-1111-7bbb-8ccc-ddddeeee1111", "time": "2026-11-24 03:18:22",
     "long": "x-8! " * 800,
     "ids": "f190d1a2-aaaa-1bbb-8ccc-cdddeeeeffff " * 91},
]  # fmt: skip


@pytest.mark.parametrize("error", VARIANTS)
def test_two_occurrences_have_one_reason(error):
    first, second = (reason(error.format(**facts)) for facts in OCCURRENCES)

    assert first == second


@pytest.mark.parametrize(
    "part",
    ["a", "a.", "a1", "1:", "1.", "::", "[:", "'", "' ", '"',
     "`", "a@b-", "a+b-", "a@", "aaaaaaaaaaaa_", "0x",
     "://", "-", "0", "9,", "status ", "2026-11-24", "12:", "\n", "é1", "日本"],
)  # fmt: skip
def test_no_text_takes_long(part):
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {WORST_CASE_MS}")
        for length in (1_990, 2_000, 2_001, 4_000_000):
            cursor.execute(
                "SELECT length(failure_reason(left(repeat(%s, %s), %s) || '!'))", [part, length, length]
            )
            assert cursor.fetchone()[0] <= 500


def test_the_signature_is_stable():
    with connection.cursor() as cursor:
        cursor.execute("SELECT failure_signature(1, 'noop', 'tool', 'service', 'Error', 'it broke')")
        assert str(cursor.fetchone()[0]) == "e5fdafe5-e383-b3d5-2883-8408b0b8c083"
