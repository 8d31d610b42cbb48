"""Task type `verification`: a list of assertions about the database and the web. "No" is a result."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.http.requests import Headers, Url
from governance.tasks import registry as task_types
from reliability.engine.context import TaskContext
from workers import tools
from workers.task_types import assertions
from workers.task_types.assertions import Comparison, JsonPath
from workers.tools.sql import Parameters, Sql

MAX_ASSERTIONS = 50
_MAX_SHOWN = 300


class SqlAssertion(BaseModel):
    """A query whose first value (of `column`, or the first one) is compared. No row: it has no value."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["query"]
    name: Annotated[str, Field(max_length=100)] = ""
    sql: Sql
    parameters: Parameters = Field(default_factory=dict)
    column: str | None = None
    expect: Comparison


class HttpAssertion(BaseModel):
    """A web address whose answer is looked at: every expectation that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["http"]
    name: Annotated[str, Field(max_length=100)] = ""
    url: Url
    method: Literal["GET", "HEAD"] = "GET"
    headers: Headers = Field(default_factory=dict)
    status: Annotated[int, Field(ge=100, le=599)] | None = None
    header: dict[str, Comparison] = Field(default_factory=dict, max_length=20)
    json_path: dict[JsonPath, Comparison] = Field(default_factory=dict, max_length=20)
    body_contains: list[Annotated[str, Field(min_length=1, max_length=1_000)]] = Field(
        default_factory=list, max_length=20
    )

    @model_validator(mode="after")
    def _expects_something(self) -> "HttpAssertion":
        if not (self.status or self.header or self.json_path or self.body_contains):
            raise ValueError("expected at least one of: status, header, json_path, body_contains")
        return self


Assertion = Annotated[SqlAssertion | HttpAssertion, Field(discriminator="kind")]


class VerificationPayload(BaseModel):
    """What must be true. The assertions are looked at one after another, all of them."""

    model_config = ConfigDict(extra="forbid")

    assertions: Annotated[list[Assertion], Field(min_length=1, max_length=MAX_ASSERTIONS)]


class Finding(BaseModel):
    """One thing that was looked at. `found` is what was there, shortened."""

    assertion: int
    name: str
    what: str
    expected: str
    found: str
    passed: bool


class Verification(BaseModel):
    """`passed`: every finding did."""

    passed: bool
    findings: list[Finding]


@task_types.register("verification", schema=VerificationPayload, worker="ANALYST", timeout_seconds=600)
async def verify(payload: VerificationPayload, context: TaskContext) -> Verification:
    """Look at each assertion through the governed tools `sql.query` and `http.get`."""
    findings: list[Finding] = []
    for number, assertion in enumerate(payload.assertions):
        for what, expected, found, passed in await _look_at(assertion, context):
            findings.append(
                Finding(
                    assertion=number,
                    name=assertion.name,
                    what=what,
                    expected=expected[:_MAX_SHOWN],
                    found=assertions.shown(found)[:_MAX_SHOWN],
                    passed=passed,
                )
            )
    return Verification(passed=all(finding.passed for finding in findings), findings=findings)


_Looked = tuple[str, str, Any, bool]


async def _look_at(assertion: SqlAssertion | HttpAssertion, context: TaskContext) -> list[_Looked]:
    if isinstance(assertion, SqlAssertion):
        return await _look_at_sql(assertion, context)
    return await _look_at_http(assertion, context)


async def _look_at_sql(assertion: SqlAssertion, context: TaskContext) -> list[_Looked]:
    query = {"sql": assertion.sql, "parameters": assertion.parameters, "max_rows": 1}
    answer = await tools.call(context, "sql.query", query)
    value = assertions.first_value(answer["rows"], assertion.column)
    return [("value", assertion.expect.sentence, value, assertion.expect.holds(value))]


async def _look_at_http(assertion: HttpAssertion, context: TaskContext) -> list[_Looked]:
    asked = {"url": assertion.url, "method": assertion.method, "headers": assertion.headers}
    answer = await tools.call(context, "http.get", asked | {"max_bytes": tools.MAX_ANSWER_BYTES // 2})
    looked: list[_Looked] = []
    if assertion.status is not None:
        is_it = answer["status"] == assertion.status
        looked.append(("status", str(assertion.status), answer["status"], is_it))
    for name, expect in assertion.header.items():
        value = answer["headers"].get(name.lower(), assertions.ABSENT)
        looked.append((f"header {name}", expect.sentence, value, expect.holds(value)))
    document = assertions.document(answer["body"]) if assertion.json_path else assertions.ABSENT
    for path, expect in assertion.json_path.items():
        value = assertions.at(document, path)
        looked.append((f"json {path}", expect.sentence, value, expect.holds(value)))
    body: str = answer["body"]
    parts = assertion.body_contains
    return [*looked, *(("body", f"contains {part!r}", body, part in body) for part in parts)]
