"""`/api/budgets`: what may be spent, how that stands, and the verbs that change it."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance import budgets
from governance.budgets import Change
from governance.budgets import selectors as budget_selectors
from governance.budgets.limit_changes import DOUBLE
from governance.budgets.limits import LIMITS
from governance.errors import FieldError, InvalidInput
from governance.models.budget import BudgetWindow
from governance.pagination import Row
from governance.tasks.schemas import Money, Text
from juggernaut.api import schemas as shapes
from juggernaut.api.openapi.declaration import Operation, Shape, View, endpoint, many, record
from juggernaut.api.path_parameters import SCOPE, TASK_ID
from juggernaut.api.resource import Resource, answer, task_id
from juggernaut.api.schemas import ReasonRequired

BUDGETS = "/api/budgets"
MAX_SCOPES = 1000


class Limits(ReasonRequired):
    """What is left out stays; null is no limit."""

    daily_limit: Money | None = None
    weekly_limit: Money | None = None
    monthly_limit: Money | None = None
    timezone: Annotated[Text, Field(max_length=64)] = ""

    @property
    def said(self) -> dict[str, Decimal | None]:
        """The limits that are named; raises `InvalidInput` when nothing is to be changed."""
        if not (self.model_fields_set & {*LIMITS}) and not self.timezone:
            named = ", ".join((*LIMITS, "timezone"))
            raise InvalidInput([FieldError("body", f"name at least one of {named}")])
        return {name: getattr(self, name) for name in LIMITS if name in self.model_fields_set}


class Halving(ReasonRequired):
    """Which limits; none named: all three."""

    limits: Annotated[list[Text], Field(min_length=1, max_length=3)] = Field(default=list(LIMITS))


class Raising(Halving):
    factor: Decimal = DOUBLE


class Scaling(Halving):
    factor: Decimal


class _Scopes(ReasonRequired):
    scopes: Annotated[list[Text], Field(min_length=1, max_length=MAX_SCOPES)]


class HalvingMany(Halving, _Scopes):
    pass


class RaisingMany(Raising, _Scopes):
    pass


class ScalingMany(Scaling, _Scopes):
    pass


_WINDOW = record(
    "BudgetWindow",
    "USD in one window, under a limit (null: there is none). The envelope of a task has no end.",
    scope=str,
    kind=BudgetWindow.Kind,
    starts_at=datetime,
    ends_at=datetime | None,
    limit_usd=Decimal | None,
    spent_usd=Decimal,
    held_usd=Decimal,
    overage_usd=Decimal,
    carried_usd=Decimal,
    free_usd=Decimal | None,
)
_LIMITED: dict[str, Any] = {**dict.fromkeys(LIMITS, Decimal | None), "timezone": str, "url": str}
_BUDGET = record("Budget", scope=str, windows=many(_WINDOW), **_LIMITED)
_ENVELOPE = record("Envelope", "What a task may spend.", scope=str, windows=many(_WINDOW), url=str)
_CHANGE = record(
    "BudgetChange",
    "The limits that there are, by their names, before and after.",
    scope=str,
    before=dict[str, Decimal],
    after=dict[str, Decimal],
    url=str,
)
_CHANGES = record("BudgetChanges", changed=many(_CHANGE))
_HALVE = {"all of its limits": {"reason": "costs exploded"}}
_RAISE = {"one limit by half": {"limits": ["daily_limit"], "factor": "1.5", "reason": "end of the quarter"}}
_SCALE = {"to a tenth": {"factor": "0.1", "reason": "a test"}}
_HALVE_MANY, _RAISE_MANY, _SCALE_MANY = (
    {name: {"scopes": ["EXECUTOR", "ANALYST"], **body} for name, body in examples.items()}
    for examples in (_HALVE, _RAISE, _SCALE)
)


class BudgetResource(Resource):
    def linked(self, row: Row) -> Row:
        return row | {"url": self.address(f"{BUDGETS}/{row['scope']}")}


@endpoint(
    "Budgets",
    get=Operation(
        "list_budgets", "List budgets and how they stand", {200: record("Budgets", budgets=many(_BUDGET))}
    ),
)
class Budgets(BudgetResource):
    """`/api/budgets`."""

    def get(self, request: Request) -> HttpResponse:
        rows = budget_selectors.listed(actor=self.actor)
        return answer({"budgets": [self.linked(row) for row in rows]})


@endpoint(
    "Budgets",
    of=SCOPE,
    get=Operation("get_budget", "Show how a budget stands", {200: _BUDGET | _ENVELOPE}),
    patch=Operation(
        "set_budget",
        "Set limits and time zone; what is left out stays, null is no limit",
        {200: _BUDGET},
        body=Limits,
        examples={"a limit a day": {"daily_limit": "5", "reason": "costs exploded"}},
    ),
)
class BudgetDetail(BudgetResource):
    """`/api/budgets/{scope}`: a worker, `FLEET`, or `task:{id}`."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer(self.linked(budget_selectors.one(name, actor=self.actor)))

    def patch(self, request: Request, name: str) -> HttpResponse:
        """`{"daily_limit": "5", "timezone": …, "reason": …}`: saying it twice changes it once."""
        asked = shapes.read(request, Limits)
        budgets.set_limits(
            name, limits=asked.said, timezone=asked.timezone, actor=self.actor, reason=asked.reason
        )
        return self.get(request, name)


@endpoint(
    "Budgets",
    of=TASK_ID,
    get=Operation(
        "get_task_budget",
        "Show every window that the task's next call counts in",
        {200: record("TaskBudget", windows=many(_WINDOW))},
    ),
)
class BudgetOfTask(Resource):
    """`/api/tasks/{id}/budget`: every window that the task's next call counts in."""

    def get(self, request: Request, name: str) -> HttpResponse:
        return answer({"windows": budget_selectors.of_task(task_id(name), actor=self.actor)})


class _Multiply(BudgetResource):
    """The subclass names the verb of `governance.budgets` and the shape of its body."""

    verb: ClassVar[Any]
    shape: ClassVar[type[Halving]]

    def carry_out(self, scopes: list[str], asked: Halving) -> list[dict[str, Any]]:
        said = asked.model_dump(exclude={"scopes"})
        changes: list[Change] = self.verb(scopes, actor=self.actor, **said)
        return [self.linked(asdict(change)) for change in changes]


class Multiply(_Multiply):
    """One budget: the limits before and after."""

    def post(self, request: Request, name: str) -> HttpResponse:
        return answer(self.carry_out([name], shapes.read(request, self.shape))[0])


class MultiplyMany(_Multiply):
    """`{"scopes": […], …}`: all of them or none."""

    def post(self, request: Request) -> HttpResponse:
        asked: Any = shapes.read(request, self.shape)
        return answer({"changed": self.carry_out(asked.scopes, asked)})


def _of_one(name: str, summary: str, body: Shape, examples: dict[str, Any]) -> Callable[[View], View]:
    post = Operation(name, summary, {200: _CHANGE}, body=body, refuses=(404,), examples=examples)
    return endpoint("Budgets", of=SCOPE, post=post)


def _of_many(name: str, summary: str, body: Shape, examples: dict[str, Any]) -> Callable[[View], View]:
    post = Operation(name, summary, {200: _CHANGES}, body=body, refuses=(404,), examples=examples)
    return endpoint("Budgets", post=post)


@_of_one("raise_budget", "Raise limits of a budget", Raising, _RAISE)
class Raise(Multiply):
    verb, shape = staticmethod(budgets.raise_limits), Raising


@_of_one("halve_budget", "Halve limits of a budget", Halving, _HALVE)
class Halve(Multiply):
    verb, shape = staticmethod(budgets.halve_limits), Halving


@_of_one("scale_budget", "Multiply limits of a budget", Scaling, _SCALE)
class Scale(Multiply):
    verb, shape = staticmethod(budgets.scale_limits), Scaling


@_of_many("raise_budgets", "Raise limits of several budgets, all or none", RaisingMany, _RAISE_MANY)
class RaiseMany(MultiplyMany):
    verb, shape = staticmethod(budgets.raise_limits), RaisingMany


@_of_many("halve_budgets", "Halve limits of several budgets, all or none", HalvingMany, _HALVE_MANY)
class HalveMany(MultiplyMany):
    verb, shape = staticmethod(budgets.halve_limits), HalvingMany


@_of_many("scale_budgets", "Multiply limits of several budgets, all or none", ScalingMany, _SCALE_MANY)
class ScaleMany(MultiplyMany):
    verb, shape = staticmethod(budgets.scale_limits), ScalingMany
