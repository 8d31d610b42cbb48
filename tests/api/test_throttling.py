"""How often somebody may ask: exact over processes, told in headers, alive without Redis."""

import re
from multiprocessing import get_context
from uuid import uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from juggernaut.api.throttling import buckets
from juggernaut.api.throttling.rate import Rate
from juggernaut.embedded.redis import Redis
from reliability.bounded_redis import BoundedRedis
from reliability.breakers import client as gate
from tests.governance import samples
from tests.governance.api_client import Api, client_of, make_user
from tests.polling import until

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _fresh():
    gate.close()
    yield
    gate.close()


@pytest.fixture
def somebody(db):
    """A client whom no test before has been."""
    return client_of(make_user(f"client-{uuid4().hex}", "view_task", "add_task"))


def elsewhere(address: str, **headers: str) -> Client:
    return Client(REMOTE_ADDR=address, headers=headers)


@pytest.fixture
def address() -> str:
    return f"2001:db8::{uuid4().hex[:4]}:{uuid4().hex[:4]}"


def counted(key: str, rate: Rate, *, times: int) -> int:
    return sum(buckets.of_process().take(key, rate).is_counted for _ in range(times))


def test_every_answer_says_the_limit_and_what_is_left(somebody: Api, settings):
    settings.JUGGERNAUT_API_RATE = Rate(100, 60)

    answers = [somebody.get("tasks"), somebody.post("tasks", {}), somebody.get(f"tasks/{uuid4()}")]

    assert [answer.status_code for answer in answers] == [200, 400, 404]
    assert {answer["RateLimit-Policy"] for answer in answers} == {'"client";q=100;w=60'}
    left = [int(re.findall(r'^"client";r=(\d+);t=\d+$', answer["RateLimit"])[0]) for answer in answers]
    assert left[0] in {98, 99}
    assert left == sorted(left, reverse=True)


def test_too_many_requests_are_told_when_to_come_again(somebody: Api, settings):
    settings.JUGGERNAUT_API_RATE = Rate(2, 3600)
    assert [somebody.get("tasks").status_code for _ in range(2)] == [200, 200]

    refused = somebody.post("tasks", samples.EVALUATION)

    assert refused.status_code == 429
    assert refused["Content-Type"] == "application/problem+json"
    assert 1700 < int(refused["Retry-After"]) <= 1800
    assert refused["RateLimit"].startswith('"client";r=0;t=')
    assert somebody.get("tasks").status_code == 429


def test_one_client_does_not_use_up_what_another_has(somebody: Api, settings):
    settings.JUGGERNAUT_API_RATE = Rate(1, 3600)
    other = client_of(make_user(f"other-{uuid4().hex}", "view_task"))
    somebody.get("tasks")

    assert somebody.get("tasks").status_code == 429
    assert other.get("tasks").status_code == 200


def test_tokens_of_one_client_share_its_limit(db, settings):
    settings.JUGGERNAUT_API_RATE = Rate(1, 3600)
    user = make_user(f"client-{uuid4().hex}", "view_task")
    client_of(user).get("tasks")

    assert client_of(user).get("tasks").status_code == 429


def test_this_machine_without_a_token_has_a_limit_too(db, settings):
    answer = Client().get("/api/tasks", HTTP_HOST="localhost", REMOTE_ADDR="127.0.0.1")

    assert answer.status_code == 200
    assert answer["RateLimit-Policy"].startswith('"client"')


def test_guesses_at_tokens_end_in_429(db, settings, address):
    settings.JUGGERNAUT_API_ANONYMOUS_RATE = Rate(3, 3600)
    guesser = elsewhere(address, Authorization="Bearer guess")

    said = [guesser.get("/api/tasks").status_code for _ in range(5)]

    assert said == [401, 401, 401, 429, 429]
    assert int(guesser.get("/api/tasks")["Retry-After"]) > 1000


def test_requests_without_any_credentials_end_in_429_too(db, settings, address):
    settings.JUGGERNAUT_API_ANONYMOUS_RATE = Rate(1, 3600)

    said = [elsewhere(address).get("/api/tasks").status_code for _ in range(2)]

    assert said == [401, 429]


def test_a_valid_token_is_not_kept_out_by_guesses_from_its_address(somebody: Api, settings):
    settings.JUGGERNAUT_API_ANONYMOUS_RATE = Rate(1, 3600)
    address = "198.51.100.7"
    guesser = elsewhere(address, Authorization="Bearer guess")
    assert [guesser.get("/api/tasks").status_code for _ in range(3)][-1] == 429

    assert somebody.client.get("/api/tasks", REMOTE_ADDR=address).status_code == 200


def test_eight_processes_count_together():
    key, rate = f"test:{uuid4()}", Rate(100, 3600)
    told = get_context("fork").Queue()

    def work() -> None:
        gate.close()
        told.put(counted(key, rate, times=50))

    processes = [get_context("fork").Process(target=work) for _ in range(8)]
    for process in processes:
        process.start()
    total = sum(told.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()

    # One more each time that a hundredth of the window has passed meanwhile, and it is 36 s long.
    assert 100 <= total <= 101


def test_there_is_room_again_as_time_passes():
    key, rate = f"test:{uuid4()}", Rate(2, 1)
    assert counted(key, rate, times=3) == 2

    assert until(lambda: buckets.of_process().take(key, rate).is_counted, what="room in the bucket")


@pytest.mark.parametrize("url", [None, NOBODY], ids=["redis", "without"])
def test_redis_and_a_process_alone_count_alike(url):
    mine = buckets.Buckets(BoundedRedis(url))
    key, rate = f"test:{uuid4()}", Rate(4, 3600)

    taken = [mine.take(key, rate) for _ in range(6)]

    assert [one.is_counted for one in taken] == [True] * 4 + [False] * 2
    assert [one.left for one in taken] == [3, 2, 1, 0, 0, 0]
    assert 890 < taken[-1].wait_seconds <= 900
    assert 3590 < taken[-1].full_seconds <= 3600


def test_requests_are_answered_while_redis_is_away(somebody: Api, settings):
    settings.REDIS_URL = NOBODY
    settings.JUGGERNAUT_API_RATE = Rate(2, 3600)

    said = [somebody.get("tasks").status_code for _ in range(3)]

    assert said == [200, 200, 429]


@pytest.mark.slow
def test_redis_may_die_and_come_back(somebody: Api, settings, own_var, monkeypatch):
    monkeypatch.setattr("reliability.bounded_redis.AWAY_SECONDS", 0.05)
    server = Redis(own_var)
    server.start()
    settings.REDIS_URL = server.url
    settings.JUGGERNAUT_API_RATE = Rate(50, 3600)
    somebody.get("tasks")
    server.kill()

    meanwhile = somebody.get("tasks")
    server.start()

    assert meanwhile.status_code == 200
    until(lambda: '"client";r=49' in somebody.get("tasks")["RateLimit"] or None, what="an empty Redis again")
    server.kill()


def test_a_process_forgets_full_buckets(monkeypatch):
    monkeypatch.setattr(buckets, "MOST_BUCKETS", 10)
    mine = buckets.Buckets(BoundedRedis(NOBODY))
    rate = Rate(1_000_000, 1)
    for number in range(100):
        mine.take(f"test:{number}", rate)

    assert until(lambda: mine.take("test:last", rate) and len(mine._full_at) <= 11, what="a tidy process")


@pytest.mark.parametrize(
    "text", ["", "60", "0/60", "60/0", "-1/60", "a/b", "1/99999999", "9" * 30 + "/1", "6٠/60"]
)
def test_a_limit_that_cannot_be_is_refused_with_its_name(text: str):
    with pytest.raises(ImproperlyConfigured, match=r"SOME_RATE is .*expected REQUESTS/SECONDS"):
        Rate.parse(text, name="SOME_RATE")


def test_a_limit_is_read():
    assert Rate.parse("600/60", name="SOME_RATE") == Rate(600, 60)
