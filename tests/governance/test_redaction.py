"""What is kept of arguments and errors: no secrets, by name or by looks, and not more than fits."""

import orjson
import pytest

from governance.audit import redaction
from governance.audit.redaction import HIDDEN


class TestByName:
    @pytest.mark.parametrize(
        "name",
        [
            "password", "PASSWORD", "db_password", "passwd", "pwd", "passphrase", "secret",
            "client_secret", "clientSecret", "token", "access_token", "refreshToken", "api_key", "apikey",
            "apiKey", "X-Api-Key", "OPENROUTER_API_KEY", "Authorization", "Proxy-Authorization", "Cookie",
            "Set-Cookie", "private_key", "credentials", "aws.secret.access.key", "auth", "DSN",
        ],
    )  # fmt: skip
    def test_secrets_are_hidden_whatever_they_hold(self, name):
        assert redaction.arguments({name: "x"}) == {name: HIDDEN}
        assert redaction.arguments({"deep": [{name: {"of": "many kinds"}}]}) == {"deep": [{name: HIDDEN}]}

    @pytest.mark.parametrize(
        "name",
        [
            "max_tokens", "tokens", "prompt_tokens", "token_count", "max_token", "author", "authority", "key",
            "secretary", "passenger", "tokenizer", "monkey", "keyword", "cookiecutter",
        ],
    )  # fmt: skip
    def test_what_only_sounds_alike_is_kept(self, name):
        assert redaction.arguments({name: 500}) == {name: 500}

    @pytest.mark.parametrize("nothing", [None, "", True, False])
    def test_nothing_needs_no_hiding(self, nothing):
        assert redaction.arguments({"password": nothing}) == {"password": nothing}


class TestByLooks:
    @pytest.mark.parametrize(
        "secret",
        [
            "sk-or-v1-0123456789abcdef0123456789abcdef",
            "sk-proj-Ab_12345678901234567890",
            "sk_live_0123456789abcdefABCDEF",
            "ghp_0123456789abcdefABCDEF0123456789abcd",
            "github_pat_11ABCDEFG0123456789_abcdef",
            "glpat-0123456789abcdefABCD",
            "xoxb-123456789012-abcdefABCDEF",
            "AKIAIOSFODNN7EXAMPLE",
            "AIzaSyA0123456789abcdefghijklmnopqrstuvw",
            "hf_abcdefghijABCDEFGHIJabcdefghij",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9",
        ],
    )
    @pytest.mark.parametrize(
        "around", ["{}", "use {} please", '{{"k":"{}"}}', "({}),", "https://a.b/?x={}&y=1"]
    )
    def test_keys_of_known_makers_are_hidden_wherever_they_stand(self, secret, around):
        kept = redaction.text(around.format(secret))

        assert secret not in kept
        assert secret[8:] not in kept
        assert HIDDEN in kept

    def test_urls_lose_their_credentials_and_keep_the_rest(self):
        said = "cannot reach postgresql://ann:s3cr3t@db.example:5432/main?sslmode=require or redis://:pw@r/0"

        kept = redaction.text(said)

        assert kept == (
            f"cannot reach postgresql://{HIDDEN}@db.example:5432/main?sslmode=require or redis://{HIDDEN}@r/0"
        )

    def test_an_at_in_a_password_hides_nothing_less(self):
        assert redaction.text("amqp://u:p@ss@w0rd@host/x") == f"amqp://{HIDDEN}@host/x"

    @pytest.mark.parametrize(
        "plain", ["https://example.com/@ann", "mail ann@example.com", "http://a.b/c?d=e@f"]
    )
    def test_addresses_without_credentials_are_kept(self, plain):
        assert redaction.text(plain) == plain

    @pytest.mark.parametrize(
        ("said", "kept"),
        [
            ("Authorization: Bearer abcdef123456", f"Authorization: {HIDDEN} {HIDDEN}"),
            ("bearer abcdef123456", f"bearer {HIDDEN}"),
            ("host=db password=hunter2 user=ann", f"host=db password={HIDDEN} user=ann"),
            ("password='two words' x", f"password={HIDDEN} x"),
            ("/v1?api_key=abc&limit=5", f"/v1?api_key={HIDDEN}&limit=5"),
            ('{"client_secret": "abc", "n": 1}', f'{{"client_secret": {HIDDEN}, "n": 1}}'),
            ("access_token=abc", f"access_token={HIDDEN}"),
            ("max_tokens=500", "max_tokens=500"),
            ("prompt tokens: 12", "prompt tokens: 12"),
        ],
    )
    def test_names_with_values_lose_the_value(self, said, kept):
        shown = redaction.text(said)

        assert "abcdef123456" not in shown
        assert shown.replace(f"{HIDDEN} {HIDDEN}", HIDDEN) == kept.replace(f"{HIDDEN} {HIDDEN}", HIDDEN)

    def test_private_keys_are_hidden_whole_also_when_cut_off(self):
        head, body = "-----BEGIN RSA PRIVATE KEY-----", "MIIEow\nabc"

        assert redaction.text(f"a {head}\n{body}\n-----END RSA PRIVATE KEY----- b") == f"a {HIDDEN} b"
        assert redaction.text(f"a {head}\n{body}") == f"a {HIDDEN}"

    def test_secrets_in_the_names_of_keys_are_hidden_too(self):
        assert "hunter2" not in str(redaction.arguments({"postgres://ann:hunter2@db": 1}))


class TestSize:
    def test_a_long_text_is_cut_and_says_so(self):
        kept = redaction.text("x" * 50_000)

        assert kept == "x" * redaction.MAX_TEXT + "… (50000 characters)"

    def test_a_secret_at_the_cut_shows_no_head(self):
        secret = "ghp_" + "a" * 36
        kept = redaction.text("x " * (redaction.MAX_TEXT // 2 - 5) + secret + " y" * 5_000)

        assert "ghp_" not in kept

    def test_many_items_are_cut_and_say_so(self):
        kept = redaction.arguments({"list": list(range(500)), **{f"k{n}": n for n in range(500)}})

        assert kept["list"][-1] == "… 400 more"
        assert kept["…"] == "401 more"

    def test_the_whole_is_bounded(self):
        kept = redaction.arguments({f"k{n}": ["y" * 2_000] * 100 for n in range(100)})

        assert len(orjson.dumps(kept)) < redaction.MAX_BYTES
        assert kept["cut"].endswith("bytes; the beginning is kept")

    def test_a_bottomless_value_ends(self):
        deep: list = []
        for _ in range(5_000):
            deep = [deep]

        assert "[nested too deeply]" in str(redaction.arguments(deep))

    @pytest.mark.parametrize(
        "odd",
        [
            float("nan"),
            float("inf"),
            2**70,
            pytest.param(10**5_000, id="huge"),
            "a\x00b",
            "\ud800",
            b"\xff",
            {1, 2},
        ],
    )
    def test_what_json_cannot_say_is_said_somehow(self, odd):
        kept = redaction.arguments({"odd": odd, 5: "five"})

        assert "\\u0000" not in orjson.dumps(kept).decode()
        assert kept["5"] == "five"

    @pytest.mark.parametrize(
        "hostile",
        [
            "a://" * 3_000,
            "eyJ" * 3_000,
            "password" * 1_500,
            "-----BEGIN " * 900,
            "_-" * 5_000,
            "://@" * 3_000,
        ],
    )
    def test_hostile_text_ends_in_bounds(self, hostile):
        kept = redaction.text(hostile, limit=8_000)

        assert len(kept) <= 8_000 + len("… (12000 characters)")


def test_what_a_breaker_says_of_credentials_stays_readable():
    said = "circuit breaker openrouter refuses calls (our credentials are refused: 401: User not found.)"

    assert redaction.text(said) == said


@pytest.mark.parametrize(
    "literal",
    [
        "9cd2769da46e488e193ae141049cb903" * 4,
        "0a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f",
        "pbkdf2_sha256$870000$c2FsdA$aGFzaA==",
    ],
)
def test_a_statement_shows_no_digest_no_session_and_no_hash(literal):
    shown = redaction.statement(f"SELECT  1\nFROM t WHERE a = '{literal}' AND b = 'x'", limit=500)

    assert shown == f"SELECT 1 FROM t WHERE a = '{redaction.HIDDEN}' AND b = 'x'"


def test_a_statement_keeps_the_ids_that_it_is_found_by_and_is_cut():
    assert redaction.statement("SELECT '01a231b6-dcce-71b9-a502-ae96c5d480eb'", limit=100).endswith("480eb'")
    assert redaction.statement("SELECT 12345", limit=9) == "SELECT 12…"
