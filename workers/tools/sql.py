"""Tool `sql.query`: one read-only statement on the product's own database."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from governance.tasks.schemas import Text
from reliability.calls.types import CallPermit
from workers import tools
from workers.sql import query as sql_query

MAX_SECONDS = 30
MAX_ROWS = 1_000
MAX_BYTES = 128 * 1024
MAX_PARAMETERS = 50

_Scalar = str | int | float | bool | None


def _trimmed(sql: str) -> str:
    """Without the semicolon that people end a statement with; blanks alone are no statement."""
    trimmed = sql.strip().rstrip("; \t\r\n")
    if not trimmed:
        raise ValueError("a statement is expected")
    return trimmed


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    if any("\x00" in str(value) for value in values.values()):
        raise ValueError("the character U+0000 cannot be in a parameter")
    return values


Sql = Annotated[Text, Field(min_length=1, max_length=20_000), AfterValidator(_trimmed)]
Parameters = Annotated[
    dict[str, _Scalar | list[_Scalar]], Field(max_length=MAX_PARAMETERS), AfterValidator(_plain)
]


class SqlQuery(BaseModel):
    """One statement that returns rows. Parameters stand in it as `%(name)s`; a percent sign is then
    written `%%`. `seconds` bounds it on the server."""

    model_config = ConfigDict(extra="forbid")

    sql: Sql
    parameters: Parameters = Field(default_factory=dict)
    max_rows: int = Field(default=100, ge=1, le=MAX_ROWS)
    seconds: float = Field(default=10, gt=0, le=MAX_SECONDS)


@tools.register(
    "sql.query",
    schema=SqlQuery,
    # The server ends the statement first; what is above that is for connecting, and for waiting one's turn.
    seconds=MAX_SECONDS * 2,
    effect="none",
    on_unknown="retry",
    target=lambda asked: tools.Target(service="sql", breakers=("sql",)),
)
async def query(arguments: SqlQuery, permit: CallPermit) -> dict[str, Any]:
    """Read from the system's database with one SQL statement (PostgreSQL), such as a SELECT.

    Nothing can be changed. Tables with passwords, tokens and sessions cannot be read. Answers `rows` (a
    list of objects), and `truncated` if there were more than `max_rows` or than fit.
    """
    found = await sql_query.read(
        sql_query.Query(
            sql=arguments.sql,
            parameters=arguments.parameters,
            max_rows=arguments.max_rows,
            max_bytes=MAX_BYTES,
            seconds=min(arguments.seconds, permit.seconds),
        )
    )
    return {"rows": found.rows, "row_count": len(found.rows), "truncated": found.is_cut}
