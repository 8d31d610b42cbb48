"""Metrics of now, not of half a second ago."""

import pytest
from django.test import Client

from monitoring.health.single_flight import SingleFlight
from monitoring.metrics import exposition
from tests.monitoring.metrics.text import scrape


@pytest.fixture
def look_again(monkeypatch):
    def forget():
        monkeypatch.setattr(exposition, "_database", SingleFlight(exposition._ask_database))
        monkeypatch.setattr(exposition, "_redis", SingleFlight(exposition._ping_redis))

    forget()
    return forget


@pytest.fixture
def client():
    """Somebody at this machine."""
    return Client(SERVER_NAME="localhost")


@pytest.fixture
def metrics(client, living_system, look_again):
    """Asks anew, from this machine."""

    def ask():
        look_again()
        return scrape(client)

    return ask
