"""`/api/budgets`: what may be spent, how that stands, and the verbs that change it."""

from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from django.http import HttpResponse
from pydantic import Field
from rest_framework.request import Request

from governance import budget_selectors, budgets
from governance.api import shapes
from governance.api.resource import Resource, answer, task_id
from governance.api.shapes import Reason
from governance.budgets import Change
from governance.budgets.limits import LIMITS
from governance.budgets.scaling import DOUBLE
from governance.errors import FieldError, InvalidInput
from governance.paging import Row
from governance.submission import Money, Text

BUDGETS = "/api/budgets"
MAX_SCOPES = 1000


class Limits(Reason):
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


class Halving(Reason):
    """Which limits; none named: all three."""

    limits: Annotated[list[Text], Field(min_length=1, max_length=3)] = Field(default=list(LIMITS))


class Raising(Halving):
    factor: Decimal = DOUBLE


class Scaling(Halving):
    factor: Decimal


class _Scopes(Reason):
    scopes: Annotated[list[Text], Field(min_length=1, max_length=MAX_SCOPES)]


class HalvingMany(Halving, _Scopes):
    pass


class RaisingMany(Raising, _Scopes):
    pass


class ScalingMany(Scaling, _Scopes):
    pass


class BudgetResource(Resource):
    def linked(self, row: Row) -> Row:
        return row | {"url": self.address(f"{BUDGETS}/{row['scope']}")}


class Budgets(BudgetResource):
    """`/api/budgets`."""

    def get(self, request: Request) -> HttpResponse:
        rows = budget_selectors.listed(actor=self.actor)
        return answer({"budgets": [self.linked(row) for row in rows]})


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


class Raise(Multiply):
    verb, shape = staticmethod(budgets.raise_limits), Raising


class Halve(Multiply):
    verb, shape = staticmethod(budgets.halve_limits), Halving


class Scale(Multiply):
    verb, shape = staticmethod(budgets.scale_limits), Scaling


class RaiseMany(MultiplyMany):
    verb, shape = staticmethod(budgets.raise_limits), RaisingMany


class HalveMany(MultiplyMany):
    verb, shape = staticmethod(budgets.halve_limits), HalvingMany


class ScaleMany(MultiplyMany):
    verb, shape = staticmethod(budgets.scale_limits), ScalingMany
