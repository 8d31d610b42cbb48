"""Rate limits: exact over all processes, all limits of a call or none, undone, and alive without Redis."""

import logging
from multiprocessing import get_context
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connections
from django.utils import timezone

from governance.access import rate_limits as limits
from governance.errors import Forbidden, InvalidInput, RateLimitNotFound
from governance.models import AuditEntry, RateLimit
from juggernaut.embedded.redis import Redis
from reliability import bounded_redis, rate_limits
from reliability.breakers import client as gate
from reliability.errors import RateLimited
from reliability.rate_limits import windows
from tests.governance.samples import SYSTEM
from tests.polling import until
from tests.reliability.breakers.test_redis_away import NOBODY

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(windows, "FRESH_SECONDS", 0.0)
    gate.close()
    yield
    gate.close()


@pytest.fixture
def tool():
    return f"tool-{uuid4().hex}.run"


def limit(name, max_calls, per_seconds=60.0):
    limits.set_limit(name, max_calls=max_calls, per_seconds=per_seconds, actor=SYSTEM)


def taken(tool, service=""):
    """How many of twenty calls are let through."""
    count = 0
    for _ in range(20):
        try:
            rate_limits.take(tool, service)
        except RateLimited:
            continue
        count += 1
    return count


def test_as_many_as_the_limit_says(tool):
    limit(tool, 5)

    assert taken(tool) == 5

    with pytest.raises(RateLimited, match=f"rate limit {tool}: 5 calls in 60 s") as caught:
        rate_limits.take(tool)
    assert 50 < (caught.value.retry_at - timezone.now()).total_seconds() <= 60


def test_the_window_slides(tool):
    limit(tool, 1, 0.2)
    rate_limits.take(tool)

    def is_let_through():
        try:
            return rate_limits.take(tool)
        except RateLimited:
            return None

    assert until(is_let_through, what="room in the window")


def test_what_is_not_limited_is_not_counted(tool):
    assert rate_limits.take(tool) is None


@pytest.mark.parametrize("kind", ["prefix", "service"])
def test_a_prefix_and_a_service_limit_too(tool, kind):
    service = f"service-{uuid4().hex}"
    limit(tool.replace(".run", ".*") if kind == "prefix" else service, 3)

    assert taken(tool, service) == 3


def test_a_call_is_counted_under_all_its_limits_or_under_none(tool):
    prefix = tool.replace(".run", ".*")
    limit(tool, 2)
    limit(prefix, 4)

    assert taken(tool) == 2
    assert taken(tool.replace(".run", ".walk")) == 2  # those that the first limit refused were not counted


def test_a_call_that_was_not_made_is_given_back(tool):
    limit(tool, 1)
    made = rate_limits.take(tool)
    assert made is not None

    rate_limits.give_back(made)

    assert taken(tool) == 1


def test_looking_counts_nothing(tool):
    limit(tool, 1)
    rate_limits.look(tool)

    assert taken(tool) == 1
    with pytest.raises(RateLimited):
        rate_limits.look(tool)


def test_a_limit_that_was_lowered_waits_for_enough_to_pass(tool):
    limit(tool, 5)
    taken(tool)
    RateLimit.objects.filter(name=tool).update(max_calls=2)

    with pytest.raises(RateLimited, match="2 calls in 60 s"):
        rate_limits.take(tool)


def test_eight_processes_get_exactly_as_many(tool):
    limit(tool, 100)
    counted = get_context("fork").Queue()
    connections.close_all()

    def work():
        counted.put(taken(tool))

    processes = [get_context("fork").Process(target=work) for _ in range(8)]
    for process in processes:
        process.start()
    total = sum(counted.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()

    assert total == 100


def test_without_redis_each_process_counts_its_own(tool, settings, caplog):
    settings.REDIS_URL = NOBODY
    limit(tool, 3)

    with caplog.at_level(logging.ERROR):
        assert taken(tool) == 3

    said = [
        record.getMessage() for record in caplog.records if "redis connection failed" in record.getMessage()
    ]
    assert len(said) == 1
    assert "rate limits" in said[0]


@pytest.mark.slow
def test_calls_made_before_redis_died_count_after_it(tool, own_var, settings, monkeypatch):
    monkeypatch.setattr(bounded_redis, "AWAY_SECONDS", 0.05)
    server = Redis(own_var)
    server.start()
    settings.REDIS_URL = server.url
    limit(tool, 5)
    for _ in range(3):
        rate_limits.take(tool)
    server.kill()

    assert taken(tool) == 2


# ----------------------------------------------------------------------------------------- the verbs


def test_a_limit_is_set_and_removed_by_who_may_and_told(tool):
    limits.set_limit(tool, max_calls=5, per_seconds=10, actor=SYSTEM, reason="too loud")
    limits.remove(tool, actor=SYSTEM)

    told = AuditEntry.objects.filter(target=f"rate_limit {tool}").order_by("id")
    assert [(entry.action, entry.reason) for entry in told] == [
        ("rate_limit.set", "too loud"),
        ("rate_limit.remove", ""),
    ]
    with pytest.raises(RateLimitNotFound, match=tool):
        limits.remove(tool, actor=SYSTEM)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"max_calls": 0}, "max_calls"),
        ({"max_calls": None}, "max_calls"),
        ({"max_calls": 1, "per_seconds": 0}, "per_seconds"),
        ({"max_calls": 1, "per_seconds": float("nan")}, "per_seconds"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_its_field(tool, said, field):
    with pytest.raises(InvalidInput, match=field):
        limits.set_limit(tool, actor=SYSTEM, **said)
    with pytest.raises(InvalidInput, match="name"):
        limits.set_limit("two words", actor=SYSTEM, max_calls=1)


def test_sql_is_checked_as_well(tool):
    with pytest.raises(IntegrityError, match="rate_limit_calls"):
        RateLimit.objects.create(name=tool, max_calls=0)


def test_the_command_sets_lists_and_removes(tool, capsys):
    call_command("set_rate_limit", tool, "7", "--per", "30")
    call_command("set_rate_limit", tool, "--remove")

    assert f"{tool}: 7 calls in 30 s" in capsys.readouterr().out
    assert not RateLimit.objects.filter(name=tool).exists()
    with pytest.raises(CommandError, match="how many"):
        call_command("set_rate_limit", tool)


def test_the_api_sets_lists_and_removes(tool, client_with):
    client = client_with("change_ratelimit", "view_ratelimit")
    address = f"rate-limits/{tool}"

    set_one = client.put(address, {"max_calls": 7, "reason": "r"})
    listed = client.get("rate-limits").json()["rate_limits"]
    removed = client.delete(address)

    assert (set_one.status_code, removed.status_code) == (200, 204)
    assert tool in [row["name"] for row in listed]
    assert client.put(address, {"max_calls": "many", "more": 1}).status_code == 400
    assert client.delete(address).status_code == 404


def test_only_who_may_sets_it(tool, client_with):
    assert client_with("view_ratelimit").put(f"rate-limits/{tool}", {"max_calls": 1}).status_code == 403
    with pytest.raises(Forbidden):
        limits.all_limits(actor=type(SYSTEM)("nobody"))
