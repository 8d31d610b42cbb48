"""`manage.py set_price`: what a model costs that the price list does not know; alone, what is set."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import CommandError

from governance.access import selectors as gate_selectors
from governance.costs import operator_prices
from governance.management.list_command import ListCommand
from governance.pagination import Row

_RATES = {
    "input": ("input_usd_per_mtok", "USD for a million tokens of input"),
    "output": ("output_usd_per_mtok", "USD for a million tokens of output"),
    "cache_read": ("cache_read_usd_per_mtok", "the same, read from a cache (default: as input)"),
    "cache_write": ("cache_write_usd_per_mtok", "the same, written to a cache (default: as input)"),
    "request": ("request_usd", "USD for each request (default: 0)"),
}


class Command(ListCommand):
    help = (
        "Set exactly these rates for a model that the price list does not know; 0 is a price. Without a known"
        " price a model is not called. --remove forgets it; without a model, list what is set."
    )
    filters: ClassVar = {}

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("service", nargs="?", help="e.g. openrouter")
        parser.add_argument("model", nargs="?", help="its name at the service, e.g. lab/model")
        for name, (_, meaning) in _RATES.items():
            parser.add_argument(f"--{name.replace('_', '-')}", metavar="USD", help=meaning)
        parser.add_argument("--remove", action="store_true", help="forget the price")
        parser.add_argument("--reason", default="", help="why; kept in the audit log")
        self.add_list_arguments(parser)

    def handle(self, *, service: str | None, model: str | None, **options: Any) -> None:
        rates = {column: options[name] for name, (column, _) in _RATES.items() if options[name] is not None}
        if service is None or model is None:
            self._list(service, rates, options)
        elif options["remove"]:
            self._remove(service, model, rates, options["reason"])
        else:
            known = {"actor": self.actor, "reason": options["reason"]}
            row = operator_prices.set_price(service, model, **known, **rates)
            told = {column: getattr(row, column) for column in gate_selectors.PRICE}
            self.say(told, _sentence(told))

    def _list(self, service: str | None, rates: dict[str, str], options: dict[str, Any]) -> None:
        if service is not None or rates or options["remove"]:
            raise CommandError("name the service and the model")
        rows = self.found(gate_selectors.listed_prices, options)
        self.say(rows, *map(_sentence, rows), *([] if rows else ["no price is set"]))

    def _remove(self, service: str, model: str, rates: dict[str, str], reason: str) -> None:
        if rates:
            raise CommandError("--remove takes no rates")
        operator_prices.remove_price(service, model, actor=self.actor, reason=reason)
        self.say({"removed": {"service": service, "model": model}}, f"removed: {model} at {service}")


def _sentence(row: Row) -> str:
    rates = [
        f"{row[column].normalize():f} USD {name.replace('_', ' ')}"
        for name, (column, _) in _RATES.items()
        if row[column] is not None
    ]
    return f"{row['model']} at {row['service']}: {', '.join(rates)}; by {row['set_by']}"
