"""The plain task types from end to end: submitted over the API, run by a drain, calls on record."""

import json
import re
from typing import Any

import pytest

from governance.access import permissions
from governance.models import DeadLetter, Task, ToolExecution
from governance.tasks import registry as task_types
from juggernaut.environment import ROOT
from tests.governance import samples
from tests.governance.api_client import Api
from tests.governance.conftest import operator  # noqa: F401
from tests.polling import until
from tests.reliability.engine.conftest import exits  # noqa: F401 a drain ends its process, which is the test's
from tests.reliability.engine.drainage import draining
from workers.agent.limits import StopReason
from workers.agent.payload import AgentPayload, Limits

pytestmark = pytest.mark.slow


def run(operator: Api, task_type: str, payload: dict[str, Any], **fields: Any) -> Any:  # noqa: F811
    """The task as it ended, after one attempt."""
    body = {"task_type": task_type, "payload": payload, "max_attempts": 1} | fields
    answer = operator.post("tasks", body)
    assert answer.status_code == 201, answer.content
    with draining():
        return until(lambda: _ended(answer.json()["id"]), what="the task to end", timeout=30)


def _ended(task_id: str) -> Task | None:
    task = Task.objects.get(pk=task_id)
    return task if task.is_terminal else None


@pytest.fixture
def api(behind_the_door: None, operator: Api) -> Api:  # noqa: F811
    return operator


def test_a_tool_is_executed_and_its_call_is_on_record(api, site):
    url = site.on("/", '{"n": 1}', content_type="application/json")

    task = run(api, "tool_execution", {"tool_name": "http.get", "arguments": {"url": url}})

    assert (task.status, task.result["tool_name"], task.result["answer"]["body"]) == (
        "completed", "http.get", '{"n": 1}',
    )  # fmt: skip
    [row] = ToolExecution.objects.filter(task_id=task.pk)
    assert (row.status, row.tool_name, row.worker_id) == ("succeeded", "http.get", "EXECUTOR")


def test_a_call_that_is_not_permitted_is_a_dead_letter_that_says_so(api):
    permissions.revoke("EXECUTOR", "sql.query", actor=samples.SYSTEM)

    task = run(api, "tool_execution", {"tool_name": "sql.query", "arguments": {"sql": "SELECT 1"}})

    assert task.status == "failed"
    assert (task.failure["cause"], task.failure["tool_name"]) == ("denied", "sql.query")
    letter = DeadLetter.objects.get(task_id=task.pk)
    assert (letter.cause, letter.tool_name) == ("denied", "sql.query")
    [row] = ToolExecution.objects.filter(task_id=task.pk)
    assert row.status == "refused"


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"tool_name": "no.tool"}, "unknown tool 'no.tool'; expected one of: files.delete"),
        ({"tool_name": "sql.query", "arguments": {"sql": ""}}, "arguments.sql"),
        ({"tool_name": "http.get", "arguments": {"url": "file:///x"}}, "arguments.url"),
        ({}, "required"),
    ],
)
def test_a_call_that_cannot_be_made_is_refused_at_submission(api, payload, said):
    answer = api.post("tasks", {"task_type": "tool_execution", "payload": payload})

    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(("maximum", "passed"), [(5, True), (0, False)])
def test_a_value_from_the_database_is_judged(api, maximum, passed):
    query = {"eval_type": "query", "sql": "SELECT count(*) FROM governance_tasks", "maximum": maximum}

    task = run(api, "evaluation", query)

    assert (task.status, task.result["passed"], task.result["metric_value"]) == ("completed", passed, 1)


@pytest.mark.parametrize("sql", ["SELECT 1 WHERE false", "SELECT 'many'", "SELECT NULL::int", "SELECT true"])
def test_what_is_no_number_is_an_error_and_not_a_verdict(api, sql):
    task = run(api, "evaluation", {"eval_type": "query", "sql": sql, "maximum": 5})

    assert (task.status, task.result) == ("failed", None)
    assert "where a number is expected" in task.error_message


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"eval_type": "query"}, "payload.sql"),
        ({"eval_type": "guess"}, "payload.eval_type"),
        ({}, "payload.eval_type"),
        ({"eval_type": "query", "sql": "SELECT 1", "metric_value": 1}, "payload.metric_value"),
        ({"eval_type": "query", "sql": "SELECT 1", "minimum": 2, "maximum": 1}, "payload"),
    ],
)
def test_each_kind_of_evaluation_names_its_own_fields(api, payload, field):
    answer = api.post("tasks", {"task_type": "evaluation", "payload": payload})

    assert [error["field"] for error in answer.json()["errors"]] == [field]


ASSERTIONS: list[tuple[dict[str, Any], bool]] = [
    ({"status": 200}, True),
    ({"status": 404}, False),
    ({"header": {"X-Made": {"equals": "yes"}}}, True),
    ({"header": {"X-None": {"equals": "yes"}}}, False),
    ({"header": {"X-None": {"exists": False}}}, True),
    ({"json_path": {"items[1].n": {"minimum": 2}}}, True),
    ({"json_path": {"items[1].n": {"maximum": 1}}}, False),
    ({"json_path": {"items[7].n": {"minimum": 0}}}, False),
    ({"json_path": {"ok": {"equals": 1}}}, False),
    ({"json_path": {"ok": {"equals": True}}}, True),
    ({"json_path": {"nothing": {"equals": None, "exists": True}}}, True),
    ({"body_contains": ["items", "absent"]}, False),
]


def test_assertions_about_the_web_are_looked_at(api, site):
    body = '{"items": [{"n": 1}, {"n": 2.0}], "ok": true, "nothing": null}'
    url = site.on("/", body, content_type="application/json", x_made="yes")
    listed = [{"kind": "http", "url": url} | expected for expected, _ in ASSERTIONS]

    task = run(api, "verification", {"assertions": listed})

    assert (task.status, task.result["passed"]) == ("completed", False)
    passed = dict.fromkeys(range(len(ASSERTIONS)), True)
    for finding in task.result["findings"]:
        passed[finding["assertion"]] &= finding["passed"]
    assert list(passed.values()) == [holds for _, holds in ASSERTIONS]


def test_assertions_about_the_database_are_looked_at(api):
    sql = "SELECT count(*) AS n, 0.5 AS half FROM governance_tasks WHERE title = %(title)s"
    query = {"kind": "query", "sql": sql, "parameters": {"title": "me"}}

    task = run(
        api,
        "verification",
        {
            "assertions": [
                query | {"name": "it is there", "expect": {"equals": 1}},
                query | {"column": "half", "expect": {"target": 0.6, "tolerance": 0.2}},
            ]
        },
        title="me",
    )

    assert (task.status, task.result["passed"]) == ("completed", True)
    assert task.result["findings"][0]["name"] == "it is there"
    assert task.result["findings"][0]["found"] == "1"


@pytest.mark.parametrize(
    ("assertion", "field"),
    [
        ({"kind": "http", "url": "http://a.example/"}, "payload.assertions.0"),
        ({"kind": "http", "url": "file:///x", "status": 200}, "payload.assertions.0.url"),
        ({"kind": "query", "sql": "SELECT 1", "expect": {}}, "payload.assertions.0.expect"),
        ({"kind": "query", "sql": "SELECT 1"}, "payload.assertions.0.expect"),
        ({"kind": "shell", "sql": "id"}, "payload.assertions.0.kind"),
        ({"kind": "http", "url": "http://a.example/", "json_path": {"a..b": {"equals": 1}}},
         "payload.assertions.0.json_path.a..b"),
    ],
)  # fmt: skip
def test_an_assertion_that_says_nothing_is_refused(api, assertion, field):
    answer = api.post("tasks", {"task_type": "verification", "payload": {"assertions": [assertion]}})

    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_every_task_type_and_tool_is_documented_by_the_api(api):
    kinds = {kind["name"]: kind for kind in api.get("task-types").json()["task_types"]}
    tools = {tool["name"]: tool for tool in api.get("tools").json()["tools"]}

    shipped = ("agent", "evaluation", "tool_execution", "verification", "workflow")
    assert all(kinds[name]["description"] and kinds[name]["payload_schema"] for name in shipped)
    assert "url" in tools["http.request"]["arguments_schema"]["properties"]
    # Other tests in this process may have registered tools of their own.
    ours = [name for name in tools if (ROOT / "workers" / "tools" / f"{name.partition('.')[0]}.py").exists()]
    assert len(ours) > 8
    documented = (ROOT / "docs" / "task_types.md").read_text()
    fields = [*AgentPayload.model_fields, *Limits.model_fields, *(reason.value for reason in StopReason)]
    assert [name for name in (*shipped, *ours, *fields) if f"`{name}`" not in documented] == []


def test_the_examples_of_payloads_in_the_documents_are_accepted(api):
    documents = [ROOT / "docs" / "task_types.md", ROOT / "docs" / "architecture" / "workflows.md"]
    blocks = [
        block for path in documents for block in re.findall(r"```json\n(.*?)```", path.read_text(), re.DOTALL)
    ]

    assert [api.post("tasks", json.loads(block)).status_code for block in blocks] == [201] * 3


def test_task_types_and_tools_are_shown_to_those_who_may_read(nobody_at_all):
    assert nobody_at_all.get("task-types").status_code == 401
    assert nobody_at_all.get("tools").status_code == 401


@pytest.fixture
def nobody_at_all(behind_the_door: None) -> Api:
    return Api()


def test_the_example_of_a_task_type_in_the_readme_runs(api, monkeypatch):
    [code] = [
        block
        for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        if "@task_types.register" in block
    ]
    monkeypatch.setattr(task_types, "_types", dict(task_types._types))
    exec(compile(code, "README.md", "exec"), {"__name__": "readme_example"})

    done = run(api, "greet", {"name": "Ann"})
    refused = run(api, "greet", {"name": ""})

    assert (done.status, done.result) == ("completed", {"greeting": "Hello, Ann"})
    assert (refused.status, refused.error_message) == ("failed", "nobody to greet")
