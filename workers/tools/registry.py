"""The tools there are: a name, a schema for the arguments, and the function that makes the call.

Writing a new one is a module with one decorated function and its name in `JUGGERNAUT_TOOLS`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import cleandoc, iscoroutinefunction
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from governance.access import permissions
from governance.tasks.schemas import field_errors
from reliability.failures import PermanentFailure
from workers.tools import naming

# As long as the column of calls.
MAX_NAME = 200
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")

OnUnknown = Literal["retry", "fail", "ask"]
Effect = Literal["none", "inside", "outside"]
Run = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a call reaches: the provider in the ledger, and the breakers that are asked, in this order."""

    service: str = ""
    breakers: tuple[str, ...] = ()


class UnknownTool(PermanentFailure):
    """Nothing is registered under this name. The text lists what is."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown tool {name!r}; expected one of: {', '.join(sorted(_tools))}")
        self.tool_name = name[:200]


class InvalidArguments(PermanentFailure):
    """The arguments do not fit the tool's schema. The text names every field that is wrong."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that a task may call through the call pipeline. `run(arguments, permit)` gets the validated
    arguments and leave to make one call, and answers JSON; it may be `async` or plain.

    `seconds` is the longest that a call may take. `effect`: nothing changes (`none`), something of
    ours does (`inside`), or something out in the world (`outside`).
    """

    name: str
    description: str
    schema: type[BaseModel]
    run: Run
    seconds: float
    effect: Effect
    is_async: bool
    unknown: OnUnknown | Callable[[Any], OnUnknown]
    target: Callable[[Any], Target] | None

    def parse(self, arguments: object) -> Any:
        """The arguments as the schema has them; raises `InvalidArguments`."""
        try:
            return self.schema.model_validate(arguments)
        except ValidationError as invalid:
            wrong = field_errors(invalid, "arguments", said=arguments)
            found = "; ".join(f"{error.field}: {error.message}" for error in wrong)
            raise InvalidArguments(f"{self.name}: {found}", tool_name=self.name) from None

    def on_unknown(self, arguments: Any) -> OnUnknown:
        """What to do about this call if nobody knows what became of it: its process died under it.

        `retry`: it can be made again without harm. `fail`: the task fails. `ask`: a person decides.
        """
        return self.unknown(arguments) if callable(self.unknown) else self.unknown

    def describe(self) -> dict[str, Any]:
        """What a model is told about it: name, description, JSON schema of its arguments."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": self.schema.model_json_schema(),
        }


_tools: dict[str, Tool] = {}


def register(
    name: str,
    *,
    schema: type[BaseModel],
    seconds: float,
    effect: Effect,
    on_unknown: OnUnknown | Callable[[Any], OnUnknown],
    target: Callable[[Any], Target] | None = None,
) -> Callable[[Run], Run]:
    """Register the decorated function as the tool `name`; its docstring is what models are told. Raises
    `ValueError` for a name that cannot be kept, or that another module has registered.

    `target(arguments)` says what the call reaches, and may ask the database.
    """

    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise ValueError(
            f"a tool is called {name[:MAX_NAME]!r}; expected at most {MAX_NAME} letters of a to z, digits,"
            " '_' and '-', in parts with '.' between them, such as 'crm.user-delete'"
        )

    def decorate(run: Run) -> Run:
        taken = _tools.get(name)
        if taken and taken.run.__module__ != run.__module__:
            raise ValueError(f"two modules register {name!r}: {taken.run.__module__}, {run.__module__}")
        if not run.__doc__:
            raise ValueError(f"the tool {name!r} has no docstring: models would not know what it is for")
        _tools[name] = Tool(
            name=name,
            description=cleandoc(run.__doc__),
            schema=schema,
            run=run,
            seconds=seconds,
            effect=effect,
            is_async=iscoroutinefunction(run),
            unknown=on_unknown,
            target=target,
        )
        return run

    return decorate


def get(name: str) -> Tool:
    """The tool of this name; raises `UnknownTool`, which lists the known ones."""
    try:
        return _tools[name]
    except KeyError:
        raise UnknownTool(name) from None


def known() -> list[Tool]:
    """Every registered tool, by name."""
    return [_tools[name] for name in sorted(_tools)]


def model_names() -> dict[str, str]:
    """The names that models know the registered tools under, by the names of the tools."""
    return naming.model_names(_tools)


def offered_to(worker_id: str) -> list[Tool]:
    """The tools that this worker may call now. Offering is a courtesy: the call pipeline asks again at each
    call."""
    return [tool for tool in known() if permissions.look(worker_id, tool.name).is_allowed]
