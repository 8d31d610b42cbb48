"""`/api/breakers`: how they stand, what happened to them, and the verbs that steer them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.utils import timezone

from governance.models import AuditEntry
from reliability import breakers
from reliability.breakers import client as gate
from reliability.breakers import services
from reliability.breakers.models import CircuitBreaker, CircuitBreakerEvent
from reliability.errors import BreakerOpen
from tests.governance import samples
from tests.governance.api_client import Api, client_of, make_user, of_role

pytestmark = pytest.mark.django_db(transaction=True)
LATER = (timezone.now() + timedelta(hours=2)).replace(microsecond=0)
VERBS: dict[str, dict[str, Any]] = {
    "reset": {},
    "force-open": {"reason": "they are down"},
    "disable": {"reason": "it is wrong", "until": LATER.isoformat()},
    "shadow": {"reason": "to try it"},
    "restore": {"reason": "done"},
}


@pytest.fixture
def breaker(name: str, make: Callable[..., CircuitBreaker]) -> str:
    make(failure_threshold=2)
    return name


def trip(name: str) -> None:
    for _ in range(2):
        breakers.record(breakers.acquire(name), breakers.FAILURE)


class TestHowTheyStand:
    def test_one_tells_state_counts_mode_and_settings(self, viewer: Api, breaker: str):
        trip(breaker)

        stands = viewer.get(f"breakers/{breaker}").json()

        assert (stands["name"], stands["state"], stands["failure_count"]) == (breaker, "open", 2)
        assert stands["cause"] == "2 failures in a row"
        assert stands["next_probe_at"] > stands["opened_at"]
        assert (stands["mode"], stands["settings"]["failure_threshold"]) == ("normal", 2)
        assert viewer.get(stands["url"].partition("/api/")[2]).json()["state"] == "open"

    def test_all_are_listed_by_name(self, viewer: Api, breaker: str):
        CircuitBreaker.objects.create(name=f"{breaker}:lab/model")

        names = [row["name"] for row in viewer.get("breakers").json()["breakers"]]

        assert names == sorted(names)
        assert {breaker, f"{breaker}:lab/model"} <= set(names)

    @pytest.mark.parametrize("safe", ["/", ""])
    def test_a_name_may_hold_slashes(self, operator: Api, breaker: str, safe: str):
        model = f"{breaker}:lab/model"
        CircuitBreaker.objects.create(name=model)
        path = f"breakers/{quote(model, safe=safe)}"

        assert operator.get(path).json()["name"] == model
        assert operator.post(f"{path}/reset", {"reason": "back"}).json()["name"] == model
        assert operator.get(f"{path}/events").json()["events"][0]["cause"] == "back"

    def test_an_unknown_one_names_those_that_there_are(self, operator: Api, breaker: str):
        answers = [
            operator.get("breakers/nobody"),
            operator.get("breakers/nobody/events"),
            operator.patch("breakers/nobody", {"failure_threshold": 3}),
            operator.post("breakers/reset", {"names": ["nobody"]}),
            *(operator.post(f"breakers/nobody/{verb}", body) for verb, body in VERBS.items()),
        ]

        assert {answer.status_code for answer in answers} == {404}
        assert all(breaker in answer.json()["detail"] for answer in answers)


class TestEvents:
    def test_are_told_newest_first_with_before_and_after(self, operator: Api, breaker: str):
        trip(breaker)
        operator.patch(f"breakers/{breaker}", {"failure_threshold": 9, "reason": "patience"})

        changed, opened = operator.get(f"breakers/{breaker}/events").json()["events"]

        assert (changed["kind"], changed["actor"], changed["cause"]) == (
            "settings",
            "user:operator",
            "patience",
        )
        assert (changed["before"], changed["after"]) == ({"failure_threshold": 2}, {"failure_threshold": 9})
        assert (opened["kind"], opened["from_state"], opened["to_state"]) == ("transition", "closed", "open")

    def test_filter_and_page(self, operator: Api, breaker: str):
        trip(breaker)
        for _ in range(4):
            services.reset(breaker, actor=samples.SYSTEM)
        path, seen = f"breakers/events?breaker={breaker}&kind=reset&limit=3", []
        while path:
            page = operator.get(path).json()
            seen += [event["id"] for event in page["events"]]
            path = (page["next"] or "").partition("/api/")[2]

        expected = CircuitBreakerEvent.objects.filter(breaker=breaker, kind="reset").order_by("-id")
        assert seen == list(expected.values_list("id", flat=True))
        assert len(seen) == 4
        past = operator.get("breakers/events", breaker=breaker, created_before="2020-01-01T00:00:00Z")
        assert past.json()["events"] == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [({"kind": "nothing"}, "kind"), ({"name": "x"}, "name"), ({"cursor": "x"}, "cursor")],
    )
    def test_name_what_is_wrong(self, operator: Api, query: dict[str, str], field: str):
        answer = operator.get("breakers/events", **query)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field


class TestTheVerbs:
    def test_a_reset_closes_it(self, operator: Api, breaker: str):
        trip(breaker)

        answer = operator.post(f"breakers/{breaker}/reset", {"reason": "they are back"}).json()

        assert (answer["state"], answer["failure_count"]) == ("closed", 0)
        assert gate.acquire(breaker).verdict == "call"
        entry = AuditEntry.objects.latest("id")
        assert (entry.actor, entry.target, entry.reason) == (
            "user:operator",
            f"breaker {breaker}",
            "they are back",
        )
        assert operator.post(f"breakers/{breaker}/reset").status_code == 200

    @pytest.mark.parametrize("how", ["names", "all"])
    def test_many_are_reset(self, operator: Api, breaker: str, how: str):
        other = f"{breaker}:other"
        CircuitBreaker.objects.create(name=other, failure_threshold=2)
        trip(breaker)
        trip(other)
        chosen = {"names": [breaker, other, other]} if how == "names" else {"all": True}

        answer = operator.post("breakers/reset", chosen | {"reason": "back"}).json()

        assert answer["reset"] == (2 if how == "names" else CircuitBreaker.objects.count())
        assert gate.acquire(breaker).verdict == gate.acquire(other).verdict == "call"

    def test_all_of_the_named_or_none(self, operator: Api, breaker: str):
        trip(breaker)

        assert operator.post("breakers/reset", {"names": [breaker, "nobody"]}).status_code == 404
        with pytest.raises(BreakerOpen):
            breakers.acquire(breaker)

    @pytest.mark.parametrize(
        ("verb", "mode"), [("force-open", "forced_open"), ("disable", "disabled"), ("shadow", "shadow")]
    )
    def test_modes_say_who_why_and_until_when(self, operator: Api, breaker: str, verb: str, mode: str):
        body = {"reason": "looking", "until": LATER.isoformat()}

        stands = operator.post(f"breakers/{breaker}/{verb}", body).json()

        assert (stands["mode"], stands["mode_by"], stands["mode_reason"]) == (
            mode,
            "user:operator",
            "looking",
        )
        assert stands["mode_until"] == LATER.strftime("%Y-%m-%dT%H:%M:%SZ")
        entry = AuditEntry.objects.latest("id")
        assert ((entry.before or {})["mode"], (entry.after or {})["mode"]) == ("normal", mode)
        restored = operator.post(f"breakers/{breaker}/restore", {"reason": "done"}).json()
        assert (restored["mode"], restored["mode_until"]) == ("normal", None)

    def test_a_breaker_forced_open_refuses_at_once(self, operator: Api, breaker: str):
        operator.post(f"breakers/{breaker}/force-open", {"reason": "they asked us to stop"})

        with pytest.raises(BreakerOpen, match="forced open"):
            breakers.acquire(breaker)

    def test_settings_bind_with_counters_kept_and_are_audited(self, operator: Api, breaker: str):
        breakers.record(breakers.acquire(breaker), breakers.FAILURE)

        body = {"failure_threshold": 3, "reset_timeout": 60, "reason": "too nervous"}
        stands = operator.patch(f"breakers/{breaker}", body).json()

        assert (stands["settings"]["failure_threshold"], stands["settings"]["reset_timeout"]) == (3, 60)
        assert stands["failure_count"] == 1
        entry = AuditEntry.objects.latest("id")
        assert (entry.action, entry.reason) == ("breaker.update_settings", "too nervous")
        assert (entry.before or {})["failure_threshold"] == 2

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("", {}, "settings"),
            ("", {"reason": "why"}, "settings"),
            ("", {"failure_threshold": 0}, "failure_threshold"),
            ("", {"failure_threshold": None}, "failure_threshold"),
            ("", {"reset_timeout": "soon"}, "reset_timeout"),
            ("", {"reset_timeout": 700}, "reset_timeout"),
            ("", {"threshold": 3}, "threshold"),
            ("", {"mode": "disabled"}, "mode"),
            ("", {"name": "other"}, "name"),
            ("", {"actor": "other"}, "actor"),
            ("/force-open", {}, "reason"),
            ("/force-open", {"reason": "why", "until": "later"}, "until"),
            ("/force-open", {"reason": "why", "until": "2020-01-01T00:00:00Z"}, "until"),
            ("/disable", {"reason": "why"}, "until"),
            ("/disable", {"until": LATER.isoformat()}, "reason"),
            ("/shadow", {"reason": " "}, "reason"),
            ("/restore", {}, "reason"),
            ("/restore", {"reason": "why", "until": LATER.isoformat()}, "until"),
            ("/reset", {"force": True}, "force"),
        ],
    )
    def test_name_what_is_wrong(
        self, operator: Api, breaker: str, path: str, body: dict[str, Any], field: str
    ):
        address = f"breakers/{breaker}{path}"

        answer = operator.post(address, body) if path else operator.patch(address, body)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == field
        assert not AuditEntry.objects.filter(target=f"breaker {breaker}").exists()

    @pytest.mark.parametrize("body", [{}, {"names": []}, {"names": ["x"], "all": True}, {"all": False}])
    def test_a_reset_of_many_says_which(self, operator: Api, body: dict[str, Any]):
        assert operator.post("breakers/reset", body).status_code == 400


class TestAccess:
    @pytest.mark.parametrize("path", ["", "/{name}", "/events", "/{name}/events"])
    def test_reading_needs_a_permission(self, nobody: Api, viewer: Api, breaker: str, path: str):
        here = f"breakers{path.format(name=breaker)}"
        stranger = client_of(make_user("anna", "view_task"))

        assert nobody.get(here).status_code == 401
        answer = stranger.get(here)
        assert answer.status_code == 403
        assert answer.json()["permission"].startswith("reliability.view_circuitbreaker")
        assert viewer.get(here).status_code == 200

    @pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
    @pytest.mark.parametrize("verb", VERBS)
    def test_operators_steer_and_viewers_look(self, breaker: str, role: str, verb: str):
        answer = of_role(role).post(f"breakers/{breaker}/{verb}", VERBS[verb])

        assert answer.status_code == (403 if role == "viewer" else 200)
        if role == "viewer":
            assert answer.json()["permission"] == "reliability.change_circuitbreaker"
            assert not AuditEntry.objects.filter(target=f"breaker {breaker}").exists()

    def test_strangers_and_viewers_change_nothing(self, nobody: Api, viewer: Api, breaker: str):
        for client, status in ((nobody, 401), (viewer, 403)):
            assert client.patch(f"breakers/{breaker}", {"failure_threshold": 9}).status_code == status
            assert client.post("breakers/reset", {"all": True}).status_code == status
