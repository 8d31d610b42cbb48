"""The API's description: complete, valid, and read by whoever may read the API."""

from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pydantic import BaseModel

from juggernaut.api.openapi import operations
from juggernaut.api.openapi.views import DocsView, document
from juggernaut.api.urls.governance import NotFoundEndpoint
from tests.governance.api_client import Api

METHODS = {"get", "post", "put", "patch", "delete"}
# Addresses that are another one's, a page, or everything that is not there.
NOT_DESCRIBED = {("api/", "Index"), ("api/docs", DocsView.__name__), ("api/", NotFoundEndpoint.__name__)}


def views(patterns: list[Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Every address with its callback; regular expressions are written as they stand."""
    found: list[tuple[str, Any]] = []
    for one in patterns:
        address = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            found += views(one.url_patterns, address)
        elif isinstance(one, URLPattern):
            found.append((address, one.callback))
    return found


def of_api() -> list[tuple[str, Any]]:
    everything = views(get_resolver().url_patterns)
    return [(address, view) for address, view in everything if address.split("/")[0] == "api"]


def described() -> list[tuple[str, str, dict[str, Any]]]:
    paths = document()["paths"]
    return [(path, method, found) for path, all_of in paths.items() for method, found in all_of.items()]


def as_described(address: str, view: Any) -> str:
    """The address as the description writes it."""
    place = vars(view.cls)["described"].of
    plain = address.replace("<str:name>", "{name}").replace("<path:name>", "{name}")
    return "/" + (plain.replace("{name}", f"{{{place.name}}}") if place else plain)


def test_every_address_is_described_with_its_methods_and_nothing_else_is():
    served = {
        (as_described(address, view), method)
        for address, view in of_api()
        if (address, view.cls.__name__) not in NOT_DESCRIBED
        for method in METHODS
        if hasattr(view.cls, method)
    }

    assert {(path, method) for path, method, _ in described()} == served
    assert len(served) > 90


def test_only_pages_and_aliases_are_left_out():
    hidden = {(address, v.cls.__name__) for address, v in of_api() if "described" not in vars(v.cls)}

    assert hidden <= NOT_DESCRIBED
    assert NOT_DESCRIBED <= {(address, v.cls.__name__) for address, v in of_api()}


@pytest.mark.slow
def test_the_description_is_valid_and_made_without_a_warning():
    out = StringIO()

    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)

    assert yaml.safe_load(out.getvalue())["openapi"] == "3.1.0"


def test_an_endpoint_that_declares_nothing_fails_the_build(monkeypatch):
    monkeypatch.setattr(operations, "description_of", lambda view: None)

    with pytest.raises(Exception, match="due to warnings"):
        call_command("spectacular", "--fail-on-warn", stdout=StringIO(), stderr=StringIO())


def test_operations_have_names_that_are_unique_and_read_well():
    names = [found["operationId"] for _, _, found in described()]

    assert len(names) == len(set(names))
    assert all(name.replace("_", "").isalpha() and name.islower() for name in names)
    assert all(found["summary"] and found["tags"] and found["security"] for _, _, found in described())
    assert all(one["description"] for _, _, found in described() for one in found["parameters"])


def test_every_tag_is_explained():
    used = {tag for _, _, found in described() for tag in found["tags"]}

    assert used == {tag["name"] for tag in document()["tags"]}


def declared_bodies() -> list[Any]:
    found = [view.cls for address, view in of_api() if (address, view.cls.__name__) not in NOT_DESCRIBED]
    every = [one for cls in found for one in vars(cls)["described"].operations.values() if one.body]
    return [pytest.param(one, id=one.id) for one in every]


@pytest.mark.parametrize("operation", declared_bodies())
def test_every_body_has_examples_that_it_accepts(operation):
    shape: type[BaseModel] = operation.body

    assert operation.examples
    for example in operation.examples.values():
        shape.model_validate(example)


@pytest.mark.slow
def test_it_is_served_as_json_and_as_yaml(viewer: Api):
    as_json = viewer.get("schema")
    as_yaml = viewer.get("schema", format="yaml")

    assert as_json["Content-Type"] == "application/json"
    assert as_json.json() == document()
    assert as_yaml["Content-Type"] == "application/yaml"
    assert yaml.safe_load(as_yaml.content)["paths"].keys() == document()["paths"].keys()
    assert viewer.get("schema", format="xml").status_code == 400


def test_a_stranger_is_told_to_sign_in(db):
    assert Client().get("/api/schema").status_code == 401
    page = Client().get("/api/docs")

    assert page.status_code == 302
    assert page["Location"] == "/admin/login/?next=%2Fapi%2Fdocs"


def test_every_refusal_is_a_problem_document():
    for status in (400, 401, 403, 404, 406, 409, 413, 415, 422, 429, 500, 503):
        used = [
            found["responses"][str(status)]
            for _, _, found in described()
            if str(status) in found["responses"]
        ]
        assert used, status
        [reference] = {one["$ref"] for one in used}
        refusal = document()["components"]["responses"][reference.rpartition("/")[2]]
        assert list(refusal["content"]) == ["application/problem+json"]
