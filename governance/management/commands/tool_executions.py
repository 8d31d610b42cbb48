"""`manage.py tool_executions`: the calls of tools and models that were sent, refused or failed."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from governance.access import selectors as gate_selectors
from governance.management.list_command import ListCommand
from governance.pagination import Row


class Command(ListCommand):
    help = "List the calls of tools and models, newest first: what was sent, refused, or failed, and why."
    filters: ClassVar = {
        "task": "those of this task (its id); may be repeated",
        "worker": "those of this worker; may be repeated",
        "tool": "those of this tool, e.g. http.request; may be repeated",
        "service": "those of this service; may be repeated",
        "model": "those of this model; may be repeated",
        "status": "those that are sent, succeeded, failed or refused; may be repeated",
        "error": "those whose error contains this text, e.g. 'circuit breaker'",
        "created_after": "those from this time on (ISO 8601 with a zone)",
        "created_before": "those before this time",
    }

    def add_arguments(self, parser: ArgumentParser) -> None:
        self.add_list_arguments(parser)

    def handle(self, **options: Any) -> None:
        rows = self.found(gate_selectors.listed_executions, options)
        self.say(rows, *map(_sentence, rows), *([] if rows else ["none"]))


def _sentence(row: Row) -> str:
    named = f"{row['created_at']:%Y-%m-%d %H:%M:%S}  {row['status']:9}  {row['worker_id']} {row['tool_name']}"
    parts = [
        row["model"] or row["service"],
        f"{row['cost_usd']:f} USD" if row["cost_usd"] is not None else "",
        f"{row['duration_ms']} ms" if row["duration_ms"] is not None else "",
        row["error_message"],
    ]
    return ", ".join([named, *filter(None, parts)])
