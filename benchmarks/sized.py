"""A database at size, for what is measured there: servers of its own, or one that holds a sample already."""

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime

from benchmarks.system import bench_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--letters", type=int, default=100_000)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--database", help="URL of a database that holds a sample already: nothing is loaded")


@contextlib.contextmanager
def database(arguments: argparse.Namespace) -> Iterator[None]:
    """Django on a database of that size. One that is named gets what is measured written into it."""
    if arguments.database:
        os.environ.update(DATABASE_URL=arguments.database, DJANGO_SETTINGS_MODULE="juggernaut.settings")
        import django

        django.setup()
        yield
        return
    with bench_environment():
        _load(arguments)
        yield


def check_books() -> None:
    """As a sweep of the watchdog does in the first seconds of a minute."""
    from reliability.watchdog import sweep

    def check(now: datetime) -> int | None:
        return sweep.reconcile_ledger(now.replace(second=0))

    sweep.run({"unbalanced": check}, leader="benchmark")


def _load(arguments: argparse.Namespace) -> None:
    from juggernaut import sample

    size = sample.Size(tasks=arguments.tasks, letters=arguments.letters, lines=arguments.lines,
                       calls=arguments.lines // 5)  # fmt: skip
    began = time.monotonic()
    for done in sample.load(size):
        print(f"\rloading: {done} of {sample.step_count(size)} steps", end="", file=sys.stderr, flush=True)
    print(f"\nloaded in {time.monotonic() - began:.0f} s", file=sys.stderr)
