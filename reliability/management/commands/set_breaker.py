"""`manage.py set_breaker NAME …`: change settings of circuit breakers, or force them."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from governance.management.command import GovernanceCommand, ends_at
from governance.pagination import Row
from reliability.breakers import selectors, services, settings

_MEANING = {
    "failure_threshold": "failures in a row that open it",
    "reset_timeout": "seconds that it stays open at first",
    "window_seconds": "seconds over which calls are counted",
    "min_calls": "calls before the failure rate counts",
    "failure_rate": "share of calls, from 0 to 1, whose failure opens it",
    "half_open_probes": "probes at once when it is half open",
    "probe_lease_seconds": "seconds that a probe may take",
    "max_wait_seconds": "seconds that it stays open at most",
}
_WHOLE = {"failure_threshold", "min_calls", "half_open_probes"}
_MODES = {
    "force_open": "refuse every call",
    "disable": "admit every call, whatever the service answers; needs an end",
    "shadow": "decide and record, but refuse nothing",
    "restore": "let the breaker decide again",
}

_UNTIL: dict[str, Callable[..., Any]] = {
    "force_open": services.force_open,
    "disable": services.disable_until,
    "shadow": services.shadow,
}


class Command(GovernanceCommand):
    help = (
        "Change settings of circuit breakers, or force them open, disable, shadow or restore them. Binds at"
        " the next call of every process; counters are kept. All breakers that are named, or none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME", help="names of breakers (breaker_status)")
        for name in settings.NAMES:
            kind = int if name in _WHOLE else float
            parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=_MEANING[name])
        modes = parser.add_mutually_exclusive_group()
        for mode, meaning in _MODES.items():
            option = f"--{mode.replace('_', '-')}"
            modes.add_argument(option, dest="mode", action="store_const", const=mode, help=meaning)
        ends = parser.add_mutually_exclusive_group()
        ends.add_argument("--until", help="when the mode ends (ISO 8601 with a zone)")
        ends.add_argument("--minutes", type=float, help="after how many minutes the mode ends")
        parser.add_argument("--reason", default="", help="why; kept in their history; a mode needs one")
        parser.add_argument("--dry-run", action="store_true", help="check it, and change nothing")
        self.add_json_argument(parser)

    def handle(self, *, names: list[str], **options: Any) -> None:
        verb, said = _asked(options)
        known = said | {"actor": self.actor, "reason": options["reason"]}
        with transaction.atomic():
            for name in sorted(set(names)):
                verb(name, **known)
            if options["dry_run"]:
                transaction.set_rollback(True)
        rows = selectors.breakers(names, actor=self.actor)
        done = "can be changed" if options["dry_run"] else "changed"
        self.say(
            {"dry_run": options["dry_run"], "breakers": rows}, *(f"{done}: {_told(row)}" for row in rows)
        )


def _asked(options: dict[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The verb, and what it takes beside who and why."""
    changes = {name: options[name] for name in settings.NAMES if options[name] is not None}
    mode = options["mode"]
    until = ends_at(until=options["until"], minutes=options["minutes"])
    if bool(changes) == bool(mode):
        raise CommandError("name settings, or a mode (--force-open, --disable, --shadow, --restore)")
    if until and mode in (None, "restore"):
        raise CommandError("--until and --minutes go with --force-open, --disable or --shadow")
    if mode is None:
        return services.update_settings, changes
    if mode == "restore":
        return services.restore, {}
    if mode == "disable" and until is None:
        raise CommandError("--disable needs its end: --until or --minutes")
    return _UNTIL[mode], {"until": until}


def _told(row: Row) -> str:
    until = f" until {row['mode_until']:%Y-%m-%d %H:%M} UTC" if row["mode_until"] else ""
    values = ", ".join(f"{name} {value:g}" for name, value in row["settings"].items())
    return f"{row['name']}, {row['mode'].replace('_', ' ')}{until}: {values}"
