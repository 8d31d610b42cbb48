"""The session's own servers are what Django talks to."""

import os

import pytest
import redis
from django.conf import settings
from django.db import connection


@pytest.mark.django_db
def test_django_talks_to_the_postgresql_of_the_session():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

        assert cursor.fetchone() == (1,)
    assert str(connection.settings_dict["PORT"]) in os.environ["DATABASE_URL"]


def test_redis_of_the_session_answers():
    assert settings.REDIS_URL == os.environ["REDIS_URL"]
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert client.ping()
