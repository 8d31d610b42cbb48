"""`make bench`: starts the real system on servers of its own, measures, prints one table. Never asserts.

    python -m benchmarks [drain latency posting breakers budgets calls agents …] [--tasks 20000] [--json]

Ratios against the peer were measured in the same run on the same PostgreSQL. The machine's other work
shows in every number.
"""

import argparse
import json
import sys
from collections.abc import Callable

from benchmarks import report
from benchmarks.report import Row
from benchmarks.system import bench_environment


def main() -> None:
    arguments = _arguments()
    rows: list[Row] = []
    with bench_environment():
        for name in arguments.which:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            rows += _measure(name)(arguments.tasks)
    print(json.dumps([row.as_dict() for row in rows], indent=1) if arguments.json else report.table(rows))


def _measure(name: str) -> Callable[[int], list[Row]]:
    """Imported late: the measures need Django, and that needs the servers' addresses."""
    from benchmarks import (
        agents,
        breakers,
        budgets,
        calls,
        dashboards,
        dead_letters,
        measures,
        peer,
        pooled,
        throttling,
    )

    return {
        "drain": measures.drain,
        "latency": measures.latency,
        "posting": measures.posting,
        "idle": measures.idle,
        "recovery": measures.recovery,
        "peer": peer.measure,
        "letters": dead_letters.written,
        "redrive": dead_letters.redriven,
        "pages": dead_letters.pages,
        "breakers": breakers.measure,
        "budgets": budgets.measure,
        "dashboards": dashboards.measure,
        "calls": calls.measure,
        "agents": agents.measure,
        "throttling": throttling.measure,
        "pooled": pooled.measure,
    }[name]


def _arguments() -> argparse.Namespace:
    known = [
        "drain", "peer", "latency", "posting", "idle", "recovery",
        "letters", "redrive", "pages", "breakers", "budgets", "calls", "dashboards", "agents", "throttling",
        "pooled",
    ]  # fmt: skip
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("which", nargs="*", default=known, help=f"what to measure: {', '.join(known)}")
    parser.add_argument("--tasks", type=int, default=20_000, help="how many tasks are drained (20000)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    unknown = set(arguments.which) - set(known)
    if unknown:
        parser.error(f"unknown measure {', '.join(sorted(unknown))}; expected some of: {', '.join(known)}")
    return arguments


if __name__ == "__main__":
    main()
