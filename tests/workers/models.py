"""What tests of models share: a task whose worker may ask, a provider of a name of its own, and the books."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway import providers
from gateway.providers import ModelAnswer
from governance.models import BudgetHold, CostLine, ModelPrice, ToolExecution
from reliability import calls as reliability_calls
from reliability.breakers import status
from reliability.engine.context import TaskContext

FIRST, SECOND = "maker/first", "maker/second"
KEY = "sk-test-0123456789abcdef"
ASKED = [{"role": "user", "content": "[sim:echo] How are you?"}]


@dataclass
class Service:
    """The provider under a name that no other test uses, so that its breakers are this test's."""

    name: str
    url: str

    def breaker(self, model: str = "") -> dict[str, Any]:
        """How the breaker of the service, or of one of its models, stands."""
        found: dict[str, Any] = status.of_all()[f"{self.name}:{model}" if model else self.name]
        return found

    def price(self, *models: str, usd_per_mtok: str = "1") -> None:
        for model in models:
            ModelPrice.objects.create(
                service=self.name,
                model=model,
                input_usd_per_mtok=Decimal(usd_per_mtok),
                output_usd_per_mtok=Decimal(usd_per_mtok) * 4,
            )


def ask(context: TaskContext, messages: list[dict[str, Any]] | None = None, **options: Any) -> ModelAnswer:
    """Ask a model, as a task does on its event loop."""
    answer: ModelAnswer = run(providers.chat(context, messages or ASKED, **options))
    return answer


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def calls() -> list[tuple[str, str]]:
    """Each call on record: model and status, in order."""
    return list(ToolExecution.objects.order_by("id").values_list("model", "status"))


def the_call() -> ToolExecution:
    return ToolExecution.objects.get()


def ledger() -> list[tuple[str, Decimal]]:
    """Source and USD of each line."""
    return list(CostLine.objects.order_by("id").values_list("price_source", "cost_usd"))


def holds() -> list[str]:
    return list(BudgetHold.objects.order_by("id").values_list("state", flat=True))


def leave() -> None:
    assert reliability_calls.leave(30) == 0
