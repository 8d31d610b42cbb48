"""Alerts as the watchdog finds them, and a site that is told of them."""

import pytest

from monitoring.alerts.evaluator import Evaluator
from tests.fleet import enlist
from tests.tools.site import serving


@pytest.fixture
def rules(transactional_db):
    """The rules of a fresh installation, committed."""
    enlist()


@pytest.fixture
def site(settings):
    """A web server on loopback that the operator has listed; nobody is told of anything yet."""
    with serving() as started:
        settings.JUGGERNAUT_HTTP_PRIVATE_HOSTS = [f"127.0.0.1:{started.port}"]
        yield started


@pytest.fixture
def hook(site, settings):
    """The site takes alerts."""
    settings.JUGGERNAUT_ALERT_WEBHOOKS = [site.on("/hook", "thanks")]
    return site


@pytest.fixture
def look():
    """What the watchdog does in one sweep; it has been in touch with the database all the while."""
    evaluator = Evaluator()
    evaluator.touch()
    evaluator.in_touch_since -= 100_000
    return evaluator.look
