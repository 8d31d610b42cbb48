"""What `DATABASE_URL` says is kept, or refused in words that name it."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from governance.db.pooler import Pooler
from juggernaut.database import connection_settings

URL = "postgresql://u:s3cret@db.example:5433/n"


def settings(query):
    return connection_settings.settings(f"{URL}{query}", process="juggernaut web")


def test_a_plain_url_gets_our_defaults():
    found = settings("")

    assert (found["HOST"], found["PORT"], found["NAME"], found["USER"]) == ("db.example", 5433, "n", "u")
    assert found["OPTIONS"]["connect_timeout"] == 3
    assert found["OPTIONS"]["application_name"] == "juggernaut web"
    assert "options" not in found["OPTIONS"]
    assert found["DISABLE_SERVER_SIDE_CURSORS"]


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("?connect_timeout=7", "connect_timeout", 7),
        ("?application_name=billing", "application_name", "billing"),
        ("?options=-csearch_path%3Dother", "options", "-csearch_path=other"),
        ("?options=-c%20work_mem%3D9MB", "options", "-c work_mem=9MB"),
        ("?sslmode=require", "sslmode", "require"),
        ("?keepalives_idle=99", "keepalives_idle", 99),
    ],
)
def test_what_the_url_says_is_kept(query, name, value):
    assert settings(query)["OPTIONS"][name] == value


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?connect_timeout=0", "connect_timeout in DATABASE_URL is 0; expected whole seconds from 1 to 600"),
        ("?connect_timeout=601", "connect_timeout in DATABASE_URL is 601"),
        ("?connect_timeout=-1", "connect_timeout in DATABASE_URL is '-1'"),
        ("?connect_timeout=soon", "connect_timeout in DATABASE_URL is 'soon'"),
        ("?connect_timeout=", "DATABASE_URL gives connect_timeout no value"),
        ("?application_name=a&application_name=b", "DATABASE_URL gives application_name 2 times"),
        ("?conect_timeout=3", 'invalid connection option "conect_timeout"'),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(query, words):
    with pytest.raises(ImproperlyConfigured) as refused:
        settings(query)

    assert words in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["mysql://u:s3cret@h/n", "nonsense", "sqlite:///s3cret", "postgresql://h:port/n"]
)
def test_what_is_no_url_of_postgresql_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match="expected postgresql://") as refused:
        connection_settings.settings(url, process="x")

    assert "s3cret" not in str(refused.value)


class TestTheDirectUrl:
    def test_is_read_like_the_other(self):
        named = {"DATABASE_URL": URL, "DATABASE_URL_DIRECT": f"{URL}?connect_timeout=9"}

        found = connection_settings.direct(named, process="x")

        assert found is not None
        assert found["OPTIONS"]["connect_timeout"] == 9

    @pytest.mark.parametrize("named", [{}, {"DATABASE_URL": URL}, {"DATABASE_URL_DIRECT": ""}])
    def test_need_not_be_there(self, named):
        assert connection_settings.direct(named, process="x") is None

    def test_means_nothing_without_the_other(self):
        with pytest.raises(ImproperlyConfigured, match="DATABASE_URL_DIRECT is set and DATABASE_URL is not"):
            connection_settings.direct({"DATABASE_URL_DIRECT": URL}, process="x")

    def test_is_named_when_it_is_wrong(self):
        named = {"DATABASE_URL": URL, "DATABASE_URL_DIRECT": f"{URL}?connect_timeout=0"}

        with pytest.raises(ImproperlyConfigured, match="connect_timeout in DATABASE_URL_DIRECT is 0"):
            connection_settings.direct(named, process="x")


class TestThePooler:
    @pytest.mark.parametrize("value", ["auto", "none", "session", "transaction"])
    def test_is_what_is_said(self, value):
        assert connection_settings.pooler({"JUGGERNAUT_POOLER": value}) == Pooler(value)

    def test_is_detected_if_nothing_is_said(self):
        assert (
            connection_settings.pooler({})
            == connection_settings.pooler({"JUGGERNAUT_POOLER": ""})
            == Pooler.AUTO
        )

    def test_must_be_known(self):
        expected = "JUGGERNAUT_POOLER is 'pgbouncer'; expected one of: auto, none, session, transaction"
        with pytest.raises(ImproperlyConfigured, match=expected):
            connection_settings.pooler({"JUGGERNAUT_POOLER": "pgbouncer"})
