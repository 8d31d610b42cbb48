"""`manage.py breaker_status`: how the circuit breakers stand."""

from argparse import ArgumentParser
from itertools import islice
from typing import Any

from governance.management.command import GovernanceCommand
from governance.management.list_command import checked_limit, pages
from governance.pagination import Row
from reliability.breakers import selectors


class Command(GovernanceCommand):
    help = "Show state, failures and mode of the circuit breakers, or with --events what happened to them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
        parser.add_argument("--events", type=int, metavar="N", help="the last N events instead, newest first")
        self.add_json_argument(parser)

    def handle(self, *, names: list[str], events: int | None, **options: str) -> None:
        rows = selectors.breakers(names, actor=self.actor)
        if events is not None:
            asked = {"breaker": names} if names else {}
            found = list(islice(pages(selectors.events, asked, actor=self.actor), checked_limit(events)))
            self.say(found, *map(_event, found), *([] if found else ["nothing has happened"]))
            return
        shown = {row.pop("name"): row for row in rows}
        self.say(shown, *(_sentence(name, standing) for name, standing in shown.items()))


def _event(row: Row) -> str:
    what = f"{row['from_state']} -> {row['to_state']}" if row["to_state"] else row["kind"]
    is_change = row["kind"] in ("settings", "mode")
    changed = f" {row['before']} -> {row['after']}" if is_change else ""
    by = f" by {row['actor']}" if row["actor"] else ""
    why = f": {row['cause']}" if row["cause"] else ""
    return f"{row['created_at']:%Y-%m-%d %H:%M:%S}  {row['breaker']}  {what}{changed}{by}{why}"


def _sentence(name: str, standing: dict[str, Any]) -> str:
    parts = [standing["state"].replace("_", "-")]
    if standing["cause"] and standing["state"] != "closed":
        parts.append(standing["cause"])
    if standing["state"] == "open":
        probe = standing["next_probe_at"]
        parts.append(f"next probe at {probe:%Y-%m-%dT%H:%M:%SZ}" if probe else "waits for an operator")
    if standing["mode"] != "normal":
        until = standing["mode_until"]
        end = f" until {until:%Y-%m-%dT%H:%M:%SZ}" if until else ""
        parts.append(f"{standing['mode']}{end} by {standing['mode_by']}: {standing['mode_reason']}")
    if standing["source"] == "redis":
        parts.append(f"{standing['failures']} of {standing['calls']} recent calls failed")
    else:
        parts.append("last known state")
    return f"{name}: {'; '.join(parts)}"
