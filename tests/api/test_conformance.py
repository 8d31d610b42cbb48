"""What the server answers is what the description says: each request once, and rows to tell of."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from django.db import transaction
from jsonschema import Draft202012Validator, FormatChecker

from juggernaut.api.openapi.views import document
from tests.api import world
from tests.api.world import World
from tests.governance.api_client import Api

# What these need to be asked for.
_CALL = {"worker": "ANALYST", "tool": "http.request"}
QUERIES = {"check_permission": _CALL, "explain_call": _CALL | {"cost_usd": "0.5"}}
# Which of the tasks: those that have ended can be looked at, but not everything can be done to them.
TASKS = {"get_task": 0, "list_task_events": 0, "retry_task": 3}
# Its state does not allow it.
REFUSED = {"resume_redrive": 409}
Found = tuple[str, str, dict[str, Any]]


def operations(*methods: str) -> list[Found]:
    found = [
        (path, method, one) for path, all_of in document()["paths"].items() for method, one in all_of.items()
    ]
    return [one for one in found if one[1] in methods]


@pytest.fixture
def everything(transactional_db: None) -> World:
    return world.build()


def flaws(answer: Any, described: dict[str, Any]) -> list[str]:
    """In what the answer differs from what is described under its status."""
    said = described["responses"].get(str(answer.status_code))
    if said is None:
        return [f"status {answer.status_code} is not described"]
    if "$ref" in said:
        said = document()["components"]["responses"][said["$ref"].rpartition("/")[2]]
    if "content" not in said:
        return [] if not answer.content else ["a body where none is described"]
    kind = answer["Content-Type"]
    if kind not in said["content"]:
        return [f"content type {kind} is not described"]
    schema = said["content"][kind]["schema"] | {"components": document()["components"]}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer.json())]


def address(path: str, of: World, operation: str) -> str:
    for name, values in of.places.items():
        which = TASKS.get(operation, 1) if name == "task_id" else 0
        path = path.replace(f"{{{name}}}", values[which])
    return path.removeprefix("/api/").removeprefix("/api")


def test_what_is_read_is_what_is_described(subtests, admin: Api, everything: World):
    for path, _, described in operations("get"):
        name = described["operationId"]
        with subtests.test(name):
            answer = admin.get(address(path, everything, name), **QUERIES.get(name, {}))

            assert answer.status_code == 200, answer.content
            assert flaws(answer, described) == []
            if "next" in answer.json():
                assert any(answer.json().values()), "a list without a row proves nothing"


def test_what_the_examples_write_is_answered_as_described(subtests, admin: Api, everything: World):
    for path, method, described in operations("post", "put", "patch", "delete"):
        name = described["operationId"]
        for words, body in examples_of(described):
            with subtests.test(f"{name}: {words}"), undone():
                answer = admin.client.generic(
                    method.upper(),
                    f"/api/{address(path, everything, name)}",
                    body,
                    content_type="application/json",
                )

                assert flaws(answer, described) == []
                assert answer.status_code // 100 == REFUSED.get(name, 200) // 100, answer.content


def examples_of(described: dict[str, Any]) -> list[tuple[str, bytes]]:
    if "requestBody" not in described:
        return [("without a body", b"")]
    examples = described["requestBody"]["content"]["application/json"]["examples"]
    return [(words, orjson.dumps(example["value"])) for words, example in examples.items()]


@contextmanager
def undone() -> Iterator[None]:
    """What is written meanwhile is not there afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
