"""Settings are read from the environment, checked as a whole, and refused by name, value and expectation."""

import os

import pytest

from juggernaut import configuration
from juggernaut.api.throttling.rate import Rate
from juggernaut.configuration import Configuration, ConfigurationError, checks, fields, names
from juggernaut.configuration.model import MailTls
from tests.juggernaut.production import SAFE

SECRET = "a-secret-that-nobody-may-see"
NUMBERS = [
    field
    for field in Configuration.model_fields.values()
    if field.annotation in (int, float) or field.annotation is Rate
]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in fields.known(Configuration):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def given(monkeypatch):
    def give(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return configuration.load()

    return give


@pytest.fixture
def refusal(given):
    def refuse(**variables):
        with pytest.raises(ConfigurationError) as refused:
            given(**variables)
        return refused.value

    return refuse


def test_nothing_needs_to_be_set(given):
    found = given()

    assert (found.profile, found.port, found.web_processes) == ("local", 8000, 2)


@pytest.mark.parametrize("word", ["1", "true", "True", "YES", "yes", "on", "t", "y"])
def test_usual_words_for_true(given, word):
    found = given(JUGGERNAUT_ACCESS_LOG=word, JUGGERNAUT_MAIL_TLS=word)

    assert found.access_log is True
    assert (found.mail_tls, found.uses_starttls, found.uses_implicit_tls) == (MailTls.AUTO, True, False)


@pytest.mark.parametrize("word", ["0", "false", "No", "off", "F", "n"])
def test_usual_words_for_false(given, word):
    found = given(JUGGERNAUT_ACCESS_LOG=word, JUGGERNAUT_MAIL_TLS=word)

    assert found.access_log is False
    assert (found.uses_starttls, found.uses_implicit_tls) == (False, False)


@pytest.mark.parametrize("name", ["JUGGERNAUT_ACCESS_LOG", "JUGGERNAUT_TLS_REDIRECT", "JUGGERNAUT_MAIL_TLS"])
@pytest.mark.parametrize("value", ["perhaps", "", "2", "truthy"])
def test_other_words_are_refused_not_taken_for_false(refusal, name, value):
    error = refusal(**{name: value})

    assert f"{name} is {value!r}; expected" in str(error)
    assert "yes" in str(error)


@pytest.mark.parametrize(
    ("port", "tls", "starttls", "implicit"),
    [
        ("587", "yes", True, False),
        ("465", "yes", False, True),
        ("465", "auto", False, True),
        ("465", "starttls", True, False),
        ("2525", "implicit", False, True),
        ("465", "no", False, False),
    ],
)
def test_mail_may_begin_with_tls_or_change_to_it(given, port, tls, starttls, implicit):
    found = given(JUGGERNAUT_MAIL_PORT=port, JUGGERNAUT_MAIL_TLS=tls)

    assert (found.uses_starttls, found.uses_implicit_tls) == (starttls, implicit)


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: fields.names(field)[0])
@pytest.mark.parametrize("value", ["", "abc", "-1", "1e30", "nan", "9" * 4300])
def test_numbers_are_bounded_and_empty_ones_refused(refusal, field, value):
    name = fields.names(field)[0]

    error = refusal(**{name: value})

    [problem] = error.problems
    assert problem.name == name
    assert problem.text.startswith(f"{name} is '")
    assert "; expected " in problem.text
    assert len(problem.text) < 600


ZERO_IS_MEANT = {
    "JUGGERNAUT_TRUSTED_PROXIES",
    "JUGGERNAUT_LLM_SLOW_SECONDS",
    "JUGGERNAUT_WORKSPACE_RETENTION_DAYS",
}


@pytest.mark.parametrize("field", NUMBERS, ids=lambda field: fields.names(field)[0])
def test_zero_is_refused_where_it_means_nothing(given, refusal, field):
    name = fields.names(field)[0]

    if name in ZERO_IS_MEANT:
        given(**{name: "0"})
    else:
        assert f"{name} is '0'; expected" in str(refusal(**{name: "0"}))


def test_everything_that_is_wrong_is_said_at_once(refusal):
    error = refusal(
        JUGGERNAUT_SYNC_THREADS="abc",
        JUGGERNAUT_TRUSTED_PROXIES="-3",
        JUGGERNAUT_LOG_LEVEL="loud",
        JUGGERNAUT_ALERT_MAIL_TO="ann@example.org,nobody",
        JUGGERNAUT_LLM_BASE_URL="ftp://models.example",
        JUGGERNAUT_POOLER="statement",
        JUGGERNAUT_PROFILE="production",
        JUGGERNAUT_BIND="0.0.0.0:8000",
        JUGGERNAUT_MAIL_USER="ann",
        WEB_CONCURRENCY="many",
    )

    assert {problem.name for problem in error.problems} == {
        "JUGGERNAUT_SYNC_THREADS",
        "JUGGERNAUT_TRUSTED_PROXIES",
        "JUGGERNAUT_LOG_LEVEL",
        "JUGGERNAUT_ALERT_MAIL_TO",
        "JUGGERNAUT_LLM_BASE_URL",
        "JUGGERNAUT_POOLER",
        "JUGGERNAUT_BIND",
        "JUGGERNAUT_MAIL_PASSWORD",
        "WEB_CONCURRENCY",
        "DJANGO_SECRET_KEY",
        "JUGGERNAUT_ALLOWED_HOSTS",
        "JUGGERNAUT_TLS_REDIRECT",
    }
    assert "JUGGERNAUT_SYNC_THREADS is 'abc'; expected a whole number from 1 to 1024" in str(error)
    assert "JUGGERNAUT_TRUSTED_PROXIES is '-3'; expected a whole number from 0 to 16" in str(error)


def test_the_names_of_platforms_count_if_ours_are_not_set(given):
    assert (given(PORT="5000").port, given(WEB_CONCURRENCY="3").web_processes) == (5000, 3)

    found = given(JUGGERNAUT_PORT="6000", JUGGERNAUT_WEB_PROCESSES="4")

    assert (found.port, found.web_processes) == (6000, 4)


def test_what_kubernetes_sets_for_a_service_of_this_name_is_explained(refusal):
    assert "enableServiceLinks" in str(refusal(JUGGERNAUT_PORT="tcp://10.0.0.1:8000"))


def test_empty_text_is_not_set(given):
    found = given(JUGGERNAUT_LLM_BASE_URL="", JUGGERNAUT_LLM_API_KEY="", JUGGERNAUT_VAR="")

    assert found.llm_base_url == "https://openrouter.ai/api/v1"
    assert found.llm_api_key.get_secret_value() == ""
    assert found.var is None


@pytest.mark.parametrize(
    "name",
    [fields.names(field)[0] for field in Configuration.model_fields.values() if fields.is_secret(field)],
)
def test_a_secret_may_be_given_as_a_file(given, tmp_path, name):
    value = f"https://example.org/{SECRET}"
    (tmp_path / "secret").write_text(f"{value}\n")
    others = {"JUGGERNAUT_MAIL_USER": "ann"} if name == "JUGGERNAUT_MAIL_PASSWORD" else {}

    found = given(**{f"{name}_FILE": str(tmp_path / "secret")}, **others)

    field_name = next(
        each for each, field in Configuration.model_fields.items() if fields.names(field)[0] == name
    )
    read = getattr(found, field_name)
    assert (read[0] if isinstance(read, tuple) else read).get_secret_value() == value


def test_a_secret_file_that_cannot_be_used_is_named(refusal, tmp_path):
    missing, empty, binary = tmp_path / "missing", tmp_path / "empty", tmp_path / "binary"
    empty.write_text("\n")
    binary.write_bytes(b"\xff\xfe")

    error = refusal(
        DJANGO_SECRET_KEY_FILE=str(missing),
        JUGGERNAUT_LLM_API_KEY_FILE=str(empty),
        REDIS_URL_FILE=str(binary),
        DATABASE_URL=f"postgresql://u:{SECRET}@h/d",
        DATABASE_URL_FILE=str(missing),
    )

    assert len(error.problems) == 4
    assert f"DJANGO_SECRET_KEY_FILE to name a readable file: '{missing}'" in str(error)
    assert "JUGGERNAUT_LLM_API_KEY_FILE to name a file with a secret in it" in str(error)
    assert "DATABASE_URL or DATABASE_URL_FILE, not both" in str(error)
    assert SECRET not in str(error)


def test_no_secret_is_shown_by_an_error_or_a_repr(given, refusal):
    error = refusal(
        JUGGERNAUT_ALERT_WEBHOOKS=f"ftp://example.org/{SECRET}",
        JUGGERNAUT_ALERT_SLACK_WEBHOOKS=SECRET,
        JUGGERNAUT_MAIL_PASSWORD=SECRET,
        JUGGERNAUT_LLM_BASE_URL=f"ftp://ann:{SECRET}@example.org/v1",
    )
    assert len(error.problems) == 4
    assert SECRET not in f"{error!r} {error.__context__!r} {error.__cause__!r}"
    for name in ("JUGGERNAUT_ALERT_WEBHOOKS", "JUGGERNAUT_ALERT_SLACK_WEBHOOKS", "JUGGERNAUT_LLM_BASE_URL"):
        os.environ.pop(name)

    found = given(
        JUGGERNAUT_MAIL_USER="ann",
        DJANGO_SECRET_KEY=SECRET,
        DATABASE_URL=f"postgresql://u:{SECRET}@h/d",
        JUGGERNAUT_ALERT_WEBHOOKS=f"https://example.org/{SECRET}",
    )

    assert SECRET not in repr(found)


def test_a_mail_password_in_clear_is_warned_of(given):
    mail = {
        "JUGGERNAUT_MAIL_HOST": "mail.example.org",
        "JUGGERNAUT_MAIL_USER": "ann",
        "JUGGERNAUT_MAIL_PASSWORD": SECRET,
    }
    assert checks.warnings(given(**mail)) == []

    [warning] = checks.warnings(given(JUGGERNAUT_MAIL_TLS="no"))

    assert "in clear" in warning
    assert SECRET not in warning
    assert checks.warnings(given(JUGGERNAUT_MAIL_HOST="127.0.0.1")) == []


def test_unknown_names_are_warned_of_with_the_nearest_one():
    found = names.warnings(
        {
            "JUGGERNAUT_MAIL_TSL": "1",
            "JUGGERNAUT_SECRET_KEY": "1",
            "JUGGERNAUT_GRACE_SECOND": "1",
            "JUGGERNAUT_ZEBRA": "1",
            "JUGGERNAUT_PORT_FILE": "/x",
            "JUGGERNAUT_PROXIES": "1",
            **dict.fromkeys(names.OF_CLIENTS | fields.known(Configuration), ""),
            "JUGGERNAUT_TEST_POOLER": "/usr/bin/pgbouncer",
            "HOME": "/",
        }
    )

    assert [each.partition(" has no effect: ")[::2] for each in found] == [
        ("JUGGERNAUT_GRACE_SECOND", "no setting is called that; did you mean JUGGERNAUT_GRACE_SECONDS?"),
        ("JUGGERNAUT_MAIL_TSL", "no setting is called that; did you mean JUGGERNAUT_MAIL_TLS?"),
        ("JUGGERNAUT_PORT_FILE", "JUGGERNAUT_PORT is no secret, so it is not read from a file"),
        ("JUGGERNAUT_PROXIES", "it is called JUGGERNAUT_TRUSTED_PROXIES now"),
        ("JUGGERNAUT_SECRET_KEY", "no setting is called that; did you mean DJANGO_SECRET_KEY?"),
        ("JUGGERNAUT_ZEBRA", "no setting is called that; README.md lists every variable"),
    ]


def test_every_new_name_of_a_renamed_setting_is_one():
    assert set(names.RENAMED.values()) <= fields.known(Configuration)
    assert not set(names.RENAMED) & fields.known(Configuration)


def test_current_follows_the_environment(monkeypatch):
    assert configuration.current().port == 8000

    monkeypatch.setenv("JUGGERNAUT_PORT", "6000")

    assert configuration.current().port == 6000
    assert configuration.current() is configuration.current()


def test_what_a_child_is_given_is_read_from_no_file(monkeypatch):
    monkeypatch.setenv("DATABASE_URL_FILE", "/somewhere")
    monkeypatch.setenv("REDIS_URL_FILE", "/elsewhere")

    child = configuration.child_environment({"DATABASE_URL": "postgresql://h/d"})

    assert child["DATABASE_URL"] == "postgresql://h/d"
    assert "DATABASE_URL_FILE" not in child
    assert child["REDIS_URL_FILE"] == "/elsewhere"


def test_production_is_complete_with_what_it_needs(given):
    assert not given(**SAFE).is_local
