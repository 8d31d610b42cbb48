"""What every page of the console and every GET of the API takes at size, as an administrator.

    python -m benchmarks.pages [--tasks 1000000 --letters 100000 --lines 10000000] [--database URL] [--slow]

The time is the server's: the whole of Django's handling in this process, its queries included, without a
network. The watchdog's check of the books is done beside it once a minute, as in a system that runs.
"""

import argparse
import json
import math
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks import sized

GOAL_MS = 200.0


@dataclass(frozen=True)
class Opened:
    """One address: milliseconds, the shortest, the median and the longest of some. Of the shortest: how many
    this process computed, how many it waited for statements (the rest is other work on the machine), and how
    many statements there were."""

    address: str
    shortest: float
    p50: float
    longest: float
    cpu: float
    sql: float
    queries: int

    @property
    def is_slow(self) -> bool:
        return self.longest > GOAL_MS


def main() -> None:
    arguments = _arguments()
    with sized.database(arguments):
        opened = list(_measured(arguments))
    shown = [one for one in opened if one.is_slow] if arguments.slow else opened
    if arguments.json:
        print(json.dumps([vars(one) for one in shown], indent=1))
        return
    print(_table(shown))
    slow, worst = sum(one.is_slow for one in opened), max(one.p50 for one in opened)
    print(f"\n{len(opened)} addresses, slowest median {worst:.0f} ms, {slow} took over {GOAL_MS:.0f} ms once")


def _measured(arguments: argparse.Namespace) -> Iterator[Opened]:
    from benchmarks import addresses, dead_letters

    browser = dead_letters.client()
    asked = [*addresses.console(browser), *addresses.api(browser)]
    found = [address for address in asked if re.search(arguments.only, address)]
    checked = -math.inf
    for place, address in enumerate(found, start=1):
        if time.monotonic() - checked > 60:
            sized.check_books()
            checked = time.monotonic()
        print(f"\r{place} of {len(found)}", end="", file=sys.stderr, flush=True)
        if opened := _opened(browser, address, arguments.samples):
            yield opened


def _opened(browser: Any, address: str, samples: int) -> Opened | None:
    """None if it answers with something else than a page."""
    if browser.get(address).status_code != 200:
        return None
    opened = sorted((_once(browser, address) for _ in range(samples)), key=lambda one: one[0])
    times = [one[0] for one in opened]
    _, cpu, sql, queries = opened[0]
    return Opened(address, times[0], statistics.median(times), times[-1], cpu, sql, queries)


def _once(browser: Any, address: str) -> tuple[float, float, float, int]:
    """Milliseconds in all, computed in this process, and waited for in statements; how many those were."""
    from django.db import connection

    waits: list[float] = []

    def wait(execute: Any, *statement: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*statement)
        finally:
            waits.append(time.perf_counter() - began)

    began, cpu = time.perf_counter(), time.process_time()
    with connection.execute_wrapper(wait):
        browser.get(address)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return took * 1000, cpu * 1000, sum(waits) * 1000, len(waits)


def _table(opened: list[Opened]) -> str:
    lines = [f"{'min ms':>8} {'p50 ms':>8} {'max ms':>8} {'python':>7} {'sql':>7} {'queries':>7}  address"]
    for one in sorted(opened, key=lambda one: -one.p50):
        mark = "  over" if one.is_slow else ""
        times = f"{one.shortest:8.1f} {one.p50:8.1f} {one.longest:8.1f} {one.cpu:7.1f} {one.sql:7.1f}"
        lines.append(f"{times} {one.queries:7}  {one.address}{mark}")
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__.split("\n")[0])
    sized.add_arguments(parser)
    parser.add_argument("--samples", type=int, default=5, help="how often each is opened (5)")
    parser.add_argument("--only", default="", metavar="REGEX", help="addresses that contain this")
    parser.add_argument("--slow", action="store_true", help="print only what was opened in over 200 ms once")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
