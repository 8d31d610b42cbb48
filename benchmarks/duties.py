"""What each duty of the watchdog takes at size, when there is nothing to do: the price of every sweep.

    python -m benchmarks.duties [--tasks 1000000 --letters 100000 --lines 10000000] [--database URL]

The books are checked in one sweep of a minute, everything else in each, every 5 s.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from datetime import datetime

from benchmarks import report, sized
from benchmarks.report import Row

SAMPLES = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.duties", description=__doc__.split("\n")[0])
    sized.add_arguments(parser)
    arguments = parser.parse_args()
    with sized.database(arguments):
        print(report.table(list(_measured())))


def _measured() -> Iterator[Row]:
    from reliability.watchdog import sweep

    for name, duty in sweep.DUTIES.items():
        yield Row(name, min(_seconds(duty) for _ in range(SAMPLES)) * 1000, "ms")


def _seconds(duty: Callable[[datetime], int | None]) -> float:
    from django.utils import timezone

    began = time.perf_counter()
    duty(timezone.now().replace(second=0))
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
