"""What every page of the console and every GET of the API takes at size, as an administrator.

    python -m benchmarks.pages [--tasks 1000000 --letters 100000 --lines 10000000] [--database URL] [--slow]

Loads the sample into servers of its own, unless `--database` names one that holds it already. The time is the
server's: the whole of Django's handling in this process, its queries included, without a network.
"""

import argparse
import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.system import bench_environment

GOAL_MS = 200.0


@dataclass(frozen=True)
class Opened:
    """One address: milliseconds, the shortest, the median and the longest of some; how many of them this
    process computed (the rest is PostgreSQL, Redis, and other work on the machine); its queries."""

    address: str
    shortest: float
    p50: float
    longest: float
    cpu: float
    queries: int

    @property
    def is_slow(self) -> bool:
        return self.longest > GOAL_MS


def main() -> None:
    arguments = _arguments()
    with _database(arguments):
        opened = list(_measured(arguments.samples))
    shown = [one for one in opened if one.is_slow] if arguments.slow else opened
    if arguments.json:
        print(json.dumps([vars(one) for one in shown], indent=1))
        return
    print(_table(shown))
    slow, worst = sum(one.is_slow for one in opened), max(one.p50 for one in opened)
    print(f"\n{len(opened)} addresses, slowest median {worst:.0f} ms, {slow} took over {GOAL_MS:.0f} ms once")


@contextlib.contextmanager
def _database(arguments: argparse.Namespace) -> Iterator[None]:
    if arguments.database:
        os.environ.update(DATABASE_URL=arguments.database, DJANGO_SETTINGS_MODULE="juggernaut.settings")
        import django

        django.setup()
        yield
        return
    with bench_environment():
        _load(arguments)
        yield


def _load(arguments: argparse.Namespace) -> None:
    from juggernaut import sample

    size = sample.Size(tasks=arguments.tasks, letters=arguments.letters, lines=arguments.lines,
                       calls=arguments.lines // 5)  # fmt: skip
    began = time.monotonic()
    for done in sample.load(size):
        print(f"\rloading: {done} of {sample.step_count(size)} steps", end="", file=sys.stderr, flush=True)
    print(f"\nloaded in {time.monotonic() - began:.0f} s", file=sys.stderr)


def _measured(samples: int) -> Iterator[Opened]:
    from benchmarks import addresses, dead_letters

    browser = dead_letters.client()
    found = [*addresses.console(browser), *addresses.api(browser)]
    for place, address in enumerate(found, start=1):
        print(f"\r{place} of {len(found)}", end="", file=sys.stderr, flush=True)
        if opened := _opened(browser, address, samples):
            yield opened


def _opened(browser: Any, address: str, samples: int) -> Opened | None:
    """None if it answers with something else than a page."""
    from django.db import connection

    asked: list[str] = []

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        if browser.get(address).status_code != 200:
            return None
    times, cpu = [], time.process_time()
    for _ in range(samples):
        began = time.perf_counter()
        browser.get(address)
        times.append((time.perf_counter() - began) * 1000)
    cpu = (time.process_time() - cpu) / samples * 1000
    return Opened(address, min(times), statistics.median(times), max(times), cpu, len(asked))


def _table(opened: list[Opened]) -> str:
    lines = [f"{'min ms':>8} {'p50 ms':>8} {'max ms':>8} {'python':>7} {'queries':>7}  address"]
    for one in sorted(opened, key=lambda one: -one.p50):
        mark = "  over" if one.is_slow else ""
        times = f"{one.shortest:8.1f} {one.p50:8.1f} {one.longest:8.1f} {one.cpu:7.1f}"
        lines.append(f"{times} {one.queries:7}  {one.address}{mark}")
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--letters", type=int, default=100_000)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--database", help="URL of a database that holds a sample already: nothing is loaded")
    parser.add_argument("--samples", type=int, default=5, help="how often each is opened (5)")
    parser.add_argument("--slow", action="store_true", help="print only what was opened in over 200 ms once")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    main()
