"""`/api/prices`: what operators say that models cost."""

import base64
from decimal import Decimal
from typing import Any

import pytest

from governance.costs import operator_prices, pricing
from governance.errors import UnknownPrice
from governance.models import AuditEntry, ModelPrice
from tests.governance import samples
from tests.governance.api_client import Api

RATES = {"input_usd_per_mtok": "1.5", "output_usd_per_mtok": "6"}
PRICE = {"service": "local", "model": "lab/llama", **RATES}


def worst() -> Decimal:
    bound = pricing.worst_case(service="local", models=["lab/llama"], input_tokens=1_000_000)
    return bound.usd(1_000_000)


def test_a_price_binds_at_the_next_call(admin: Api):
    with pytest.raises(UnknownPrice):
        worst()

    answer = admin.post("prices", PRICE | {"request_usd": 0.25, "reason": "our own machine"}).json()

    assert worst() == Decimal("7.75")
    assert (answer["set_by"], answer["input_usd_per_mtok"], answer["cache_read_usd_per_mtok"]) == (
        "user:admin",
        "1.5",
        None,
    )
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.target, entry.reason) == (
        "user:admin",
        "price.set",
        "price local lab/llama",
        "our own machine",
    )
    assert entry.before is None
    assert (entry.after or {})["output_usd_per_mtok"] == 6


def test_the_same_price_twice_is_one_change(admin: Api):
    answers = [admin.post("prices", PRICE).status_code for _ in range(2)]

    assert answers == [200, 200]
    assert AuditEntry.objects.count() == ModelPrice.objects.count() == 1


def test_a_new_price_is_exactly_what_is_said(admin: Api):
    admin.post("prices", PRICE | {"request_usd": 1, "cache_read_usd_per_mtok": 1})

    answer = admin.post("prices", PRICE | {"input_usd_per_mtok": 0}).json()

    assert (answer["request_usd"], answer["cache_read_usd_per_mtok"], answer["input_usd_per_mtok"]) == (
        "0",
        None,
        "0",
    )


def test_a_price_that_is_removed_refuses_the_model_again(admin: Api):
    admin.post("prices", PRICE)
    named = {"service": "local", "model": "lab/llama"}

    assert admin.post("prices/remove", named | {"reason": "sold"}).json() == {"removed": named}

    with pytest.raises(UnknownPrice):
        worst()
    entry = AuditEntry.objects.latest("id")
    assert (entry.action, entry.reason, entry.after) == ("price.remove", "sold", None)
    assert admin.post("prices/remove", named).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"input_usd_per_mtok": -1}, "input_usd_per_mtok"),
        ({"output_usd_per_mtok": "dear"}, "output_usd_per_mtok"),
        ({"output_usd_per_mtok": None}, "output_usd_per_mtok"),
        ({"cache_write_usd_per_mtok": "0.0000000001"}, "cache_write_usd_per_mtok"),
        ({"request_usd": "NaN"}, "request_usd"),
        ({"model": ""}, "model"),
        ({"service": "x" * 101}, "service"),
        ({"service": 7}, "service"),
        ({"image_usd": 1}, "image_usd"),
        ({"actor": "root"}, "actor"),
    ],
)
def test_names_what_is_wrong(admin: Api, body: dict[str, Any], field: str):
    answer = admin.post("prices", PRICE | body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert not ModelPrice.objects.exists()


def test_pages_follow_one_another_by_name(viewer: Api):
    names = [("a", "z"), ("b", "a"), ("b", "m"), ("b", "z"), ("c", "a")]
    for service, model in reversed(names):
        operator_prices.set_price(service, model, actor=samples.SYSTEM, **RATES)
    path, seen = "prices?limit=2", []
    while path:
        page = viewer.get(path).json()
        seen += [(row["service"], row["model"]) for row in page["prices"]]
        path = (page["next"] or "").partition("/api/")[2]

    assert seen == names
    assert len(viewer.get("prices", service="b").json()["prices"]) == 3


@pytest.mark.parametrize("key", [b"ab", b"a\x00b\x00c", b"\xff\x00a"])
def test_a_cursor_of_no_page_is_refused(viewer: Api, key: bytes):
    cursor = base64.urlsafe_b64encode(key).decode()

    answer = viewer.get("prices", cursor=cursor)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "cursor"
